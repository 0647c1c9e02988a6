"""``plugway disable``: stop a plugin and keep it installed."""

from __future__ import annotations

from gateway.cli.client import GatewayClient, plugin_path
from gateway.cli.command import JsonOption, PluginArgument, run
from gateway.cli.output import print_json, print_line


def disable(plugin: PluginArgument, as_json: JsonOption = False) -> None:
    """Stop a plugin; its settings and data stay."""

    async def act(client: GatewayClient) -> None:
        view = await client.call("POST", plugin_path(plugin, "disable"))
        if as_json:
            print_json(view)
        else:
            print_line(f"{plugin} is disabled.")

    run(act, as_json)
