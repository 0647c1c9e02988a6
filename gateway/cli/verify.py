"""``plugway verify``: is what is installed still what was let in."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.client import GatewayClient, Object, plugin_path
from gateway.cli.command import JsonOption, run
from gateway.cli.exits import Exit
from gateway.cli.output import print_json, print_table

_MARKS = {True: "ok", False: "FAILED", None: "-"}


def verify(
    plugin: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="A plugin's id; all if left out.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check files, pages, signatures and the policy of installed plugins anew.

    Exit code 1 where anything failed. A '-' is something that nobody vouches for, or that is not there.
    """

    async def act(client: GatewayClient) -> Exit:
        ids = [plugin] if plugin else [p["id"] for p in (await client.get("/api/v1/plugins"))["plugins"]]
        found = {id_: await client.call("POST", plugin_path(id_, "verify")) for id_ in ids}
        if as_json:
            print_json(found[plugin] if plugin else found)
        else:
            print_table(("plugin", "check", "result", "found"), _rows(found))
        return Exit.OK if all(result["ok"] for result in found.values()) else Exit.FAILED

    run(act, as_json)


def _rows(found: dict[str, Object]) -> list[tuple[str, str, str, str]]:
    return [
        (id_, check["what"], _MARKS[check["ok"]], check["words"])
        for id_, result in found.items()
        for check in result["checks"]
    ]
