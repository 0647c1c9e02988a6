"""``plugway restart``: a new start, which also ends a quarantine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.cli.client import GatewayClient, Object, plugin_path
from gateway.cli.command import DEFAULT_TIMEOUT, JsonOption, NoWaitOption, PluginArgument, TimeoutOption, run
from gateway.cli.exits import Exit
from gateway.cli.follow import told, until_healthy
from gateway.cli.output import print_json, print_line


def restart(
    plugin: PluginArgument,
    no_wait: NoWaitOption = False,
    timeout: TimeoutOption = DEFAULT_TIMEOUT,
    as_json: JsonOption = False,
) -> None:
    """Restart a plugin, which also ends a quarantine."""

    async def act(client: GatewayClient) -> Exit:
        before: set[tuple[str, str]] = set()

        async def post() -> Object:
            before.update(_starts(await client.get(plugin_path(plugin))))
            return await client.call("POST", plugin_path(plugin, "restart"))

        if no_wait:
            view, text, code = await post(), f"{plugin} is restarting.", Exit.OK
        else:
            view = await until_healthy(
                client,
                plugin,
                post,
                patience=timeout,
                quiet=as_json,
                # The state is still that of the old instances for a moment.
                started=lambda seen: not before & _starts(seen),
            )
            text, code = told(view)
        if as_json:
            print_json(view)
        else:
            print_line(text)
        return code

    run(act, as_json)


def _starts(plugin: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The starts of the instances that the gateway itself starts."""
    managed = [i for i in plugin["instances"] if i["ownership"] == "managed"]
    return {(i["id"], i["startedAt"]) for i in managed}
