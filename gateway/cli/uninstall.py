"""``plugway uninstall``: take a plugin away, with or without its data."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.client import GatewayClient, plugin_path
from gateway.cli.command import JsonOption, PluginArgument, run
from gateway.cli.confirm import confirm
from gateway.cli.output import print_json, print_line


def uninstall(
    plugin: PluginArgument,
    purge: Annotated[bool, typer.Option("--purge", help="Delete its data, logs and images as well.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before deleting data.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Uninstall a plugin; only --purge deletes its data."""

    async def act(client: GatewayClient) -> None:
        known = await client.get(plugin_path(plugin))
        if purge:
            id_ = known["id"]
            confirm(
                f"--purge deletes the data of {id_}.",
                f"Delete all data of {id_}? It cannot be brought back",
                yes=yes,
            )
        await client.call("DELETE", plugin_path(plugin), query={"purge": str(purge).lower()})
        if as_json:
            print_json({"id": known["id"], "uninstalled": True, "purged": purge})
        else:
            print_line(
                f"{known['id']} is uninstalled" + (", its data deleted." if purge else "; its data stays.")
            )

    run(act, as_json)
