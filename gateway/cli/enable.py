"""``plugway enable``: let a plugin run."""

from __future__ import annotations

from gateway.cli.client import GatewayClient, plugin_path
from gateway.cli.command import DEFAULT_TIMEOUT, JsonOption, NoWaitOption, PluginArgument, TimeoutOption, run
from gateway.cli.exits import Exit
from gateway.cli.follow import told, until_healthy
from gateway.cli.output import print_json, print_line


def enable(
    plugin: PluginArgument,
    no_wait: NoWaitOption = False,
    timeout: TimeoutOption = DEFAULT_TIMEOUT,
    as_json: JsonOption = False,
) -> None:
    """Let a plugin run, and wait until it is healthy."""

    async def act(client: GatewayClient) -> Exit:
        async def post() -> dict[str, object]:
            return await client.call("POST", plugin_path(plugin, "enable"))

        if no_wait:
            view, text, code = await post(), f"{plugin} is enabled.", Exit.OK
        else:
            view = await until_healthy(client, plugin, post, patience=timeout, quiet=as_json)
            text, code = told(view)
        if as_json:
            print_json(view)
        else:
            print_line(text)
        return code

    run(act, as_json)
