"""The program ``plugway``: the command line with the composition root behind ``serve``."""

from gateway.app import run
from gateway.cli.main import app
from gateway.cli.serve import add_serve


def main() -> None:
    add_serve(app, run)
    app()


if __name__ == "__main__":
    main()
