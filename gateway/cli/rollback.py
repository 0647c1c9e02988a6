"""``plugway rollback``: back to the release before."""

from __future__ import annotations

from gateway.cli.client import GatewayClient, plugin_path
from gateway.cli.command import JsonOption, PluginArgument, YesOption, run
from gateway.cli.confirm import confirm
from gateway.cli.exits import Exit
from gateway.cli.rollout_find import rollouts_of, under_way
from gateway.cli.rollout_steer import tell
from gateway.cli.rollout_watch import WatchOption, WatchTimeoutOption
from gateway.cli.rollout_words import new, old


def rollback(
    plugin: PluginArgument,
    yes: YesOption = False,
    watch: WatchOption = False,
    timeout: WatchTimeoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go back to the stable release before, or to the settings before, without steps.

    Ends a rollout that is under way; where none is, the last one that stayed is undone: of a release, or of
    settings that needed a restart. A rollback is never rolled back: a second one goes one step further.
    """

    async def act(client: GatewayClient) -> Exit:
        if version := await _one_way(client, plugin):
            harm = f"What {version} has changed in its data, older versions may not be able to read."
            confirm(harm, f"{harm} Go back all the same?", yes=yes)
        begun = await client.call("POST", plugin_path(plugin, "rollback"))
        to = new(begun) if begun["isRollback"] else old(begun)
        to = "the settings before" if begun["changesSettings"] else to
        text = f"{plugin} goes back to {to}."
        return await tell(client, begun, text, as_json=as_json, watched=watch, timeout=timeout, back=True)

    run(act, as_json)


async def _one_way(client: GatewayClient, plugin: str) -> str:
    """The version to be left, where it changes its data for good; empty otherwise."""
    live = under_way(await rollouts_of(client, plugin))
    for release in (await client.get(plugin_path(plugin, "releases")))["releases"]:
        left = release["id"] == live["candidate"]["releaseId"] if live else release["current"]
        if left and release["oneWay"]:
            return str(release["version"])
    return ""
