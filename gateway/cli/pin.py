"""``plugway pin``: hold a plugin at its release."""

from __future__ import annotations

from gateway.cli.client import GatewayClient, plugin_path
from gateway.cli.command import JsonOption, PluginArgument, run
from gateway.cli.output import print_json, print_line


def pin(plugin: PluginArgument, as_json: JsonOption = False) -> None:
    """Hold a plugin at its release.

    Rollouts of it are refused, with a word that says so, until you unpin it.
    """
    set_pin(plugin, pinned=True, as_json=as_json)


def set_pin(plugin: str, *, pinned: bool, as_json: bool) -> None:
    async def act(client: GatewayClient) -> None:
        await client.call("PUT", plugin_path(plugin, "pin"), {"pinned": pinned})
        view = await client.get(plugin_path(plugin))
        if as_json:
            print_json(view)
        elif pinned:
            print_line(f"{plugin} is pinned to {view['version']} ({view['releaseId']}).")
        else:
            print_line(f"{plugin} is not pinned; it can be moved.")

    run(act, as_json)
