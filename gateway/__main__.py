"""The program ``plugway``: the command line with the composition root behind ``serve``."""

import gc
import sys
from collections.abc import Callable

from gateway.cli.program import app
from gateway.cli.serve import add_serve
from gateway.settings import Settings


async def run(settings: Settings, announce: Callable[[str, str], None]) -> None:
    # Imported here, as every other command would pay for it with over a second.
    from gateway.serving import run as run_gateway

    await run_gateway(settings, announce)


def main() -> None:
    if sys.argv[1:2] != ["serve"]:
        # Not for `serve`, which needs neither a client of the API nor tables, and so starts sooner.
        import gateway.cli.main  # noqa: F401
    else:
        # What a start makes stays, and looking for garbage among it is a tenth of the start.
        # gateway.serving turns it on.
        gc.disable()
    add_serve(app, run)
    app()


if __name__ == "__main__":
    main()
