"""``plugway rollout``: move a plugin to another version while it is in use."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.client import GatewayClient, Object, plugin_path
from gateway.cli.command import DowngradeOption, JsonOption, PluginArgument, run
from gateway.cli.exits import Exit
from gateway.cli.rollout_options import takes_options
from gateway.cli.rollout_steer import tell
from gateway.cli.rollout_watch import WatchOption, WatchTimeoutOption


@takes_options
def rollout(
    plugin: PluginArgument,
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="The version to move to.", show_default=False)
    ],
    asked: Object,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Agree beforehand to removed routes, new permissions and the like."),
    ] = False,
    allow_downgrade: DowngradeOption = False,
    watch: WatchOption = False,
    timeout: WatchTimeoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move a plugin to another version while it is in use.

    The new version starts beside the old one, is verified, then takes over as the strategy says. Where it
    does worse than the old one, it is taken back by itself. What is left out comes from the plugin's
    rollout-defaults. Times are written as 30s, 2m or 1h.

    With --watch the exit code is 0 where the new version stays, and 8 where it does not.
    """

    async def act(client: GatewayClient) -> Exit:
        body = {"version": version, "yes": yes, "allowDowngrade": allow_downgrade, **asked}
        begun = await client.call("POST", plugin_path(plugin, "rollouts"), body)
        text = f"{plugin} is on its way to {version}."
        return await tell(client, begun, text, as_json=as_json, watched=watch, timeout=timeout)

    run(act, as_json)
