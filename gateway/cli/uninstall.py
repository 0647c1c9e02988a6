"""``plugway uninstall``: take a plugin away, with or without its data."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gateway.cli.client import GatewayClient, plugin_path
from gateway.cli.command import JsonOption, PluginArgument, run
from gateway.cli.exits import Exit, failure
from gateway.cli.output import print_json, print_line


def uninstall(
    plugin: PluginArgument,
    purge: Annotated[bool, typer.Option("--purge", help="Delete its data and logs as well.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before deleting data.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Uninstall a plugin; its data stays unless --purge is given."""

    async def act(client: GatewayClient) -> None:
        known = await client.get(plugin_path(plugin))
        if purge and not yes:
            _ask(known["id"])
        await client.call("DELETE", plugin_path(plugin), query={"purge": str(purge).lower()})
        if as_json:
            print_json({"id": known["id"], "uninstalled": True, "purged": purge})
        else:
            print_line(
                f"{known['id']} is uninstalled" + (", its data deleted." if purge else "; its data stays.")
            )

    run(act, as_json)


def _ask(id_: str) -> None:
    if not sys.stdin.isatty():
        raise failure(Exit.USAGE, f"--purge deletes the data of {id_}.", "Add --yes to confirm.")
    if not typer.confirm(f"Delete all data of {id_}? It cannot be brought back", err=True):
        raise failure(Exit.FAILED, "Nothing was changed.")
