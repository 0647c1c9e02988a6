"""``plugway abort``: end a rollout and go straight back."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.client import GatewayClient
from gateway.cli.command import JsonOption, YesOption, run
from gateway.cli.confirm import confirm
from gateway.cli.exits import Exit
from gateway.cli.rollout_find import MoveArgument, find_rollout
from gateway.cli.rollout_steer import steer, tell
from gateway.cli.rollout_watch import WatchOption, WatchTimeoutOption
from gateway.cli.rollout_words import new, old


def abort(
    rollout: MoveArgument,
    force: Annotated[
        bool, typer.Option("--force", help="Go back even where the old version cannot read the data.")
    ] = False,
    yes: YesOption = False,
    watch: WatchOption = False,
    timeout: WatchTimeoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a rollout and go straight back.

    Everyone goes to the old version at once, without steps. Where the new version has changed its data so
    that the old one cannot read it, going back waits for a decision; --force makes it.
    """

    async def act(client: GatewayClient) -> Exit:
        found = await find_rollout(client, rollout)
        if force:
            harm = f"What {new(found)} has changed in its data, {old(found)} may not be able to read."
            confirm(harm, f"{harm} Go back all the same?", yes=yes)
        after = await steer(client, found, "abort", {"force": force})
        held = after["phase"] == "rollback-paused"
        text = "Going back waits for a decision." if held else f"Everyone goes back to {old(after)}."
        return await tell(client, after, text, as_json=as_json, watched=watch, timeout=timeout, back=True)

    run(act, as_json)
