"""``plugway promote``: go on to everyone, or over what holds a rollout."""

from __future__ import annotations

from gateway.cli.client import GatewayClient, Object
from gateway.cli.command import JsonOption, YesOption, run
from gateway.cli.confirm import confirm
from gateway.cli.exits import Exit
from gateway.cli.output import clean, print_line
from gateway.cli.rollout_find import MoveArgument, find_rollout
from gateway.cli.rollout_steer import steer, tell
from gateway.cli.rollout_watch import WatchOption, WatchTimeoutOption
from gateway.cli.rollout_words import new


def promote(
    rollout: MoveArgument,
    yes: YesOption = False,
    watch: WatchOption = False,
    timeout: WatchTimeoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let everyone onto the new version now.

    The steps that are left are skipped; the bake is not. A rollout that is held for findings goes on from
    there instead, once you have agreed to them. One whose way back is held stays at the new version.

    It may be held a second time, for what is known only once the new version runs. With --yes and --watch
    that is agreed to as well, and told.
    """

    async def act(client: GatewayClient) -> Exit:
        found = await find_rollout(client, rollout)
        held = bool(found["heldFor"]) and not found["approved"]
        _ask(found, held, yes=yes, as_json=as_json)
        after = await steer(client, found, "promote", {"yes": yes or held})
        promoted = after["phase"] == "promoting"
        text = f"Everyone goes to {new(after)}." if promoted else "Agreed; the rollout goes on."
        return await tell(client, after, text, as_json=as_json, watched=watch, timeout=timeout, agreed=yes)

    run(act, as_json)


def _ask(rollout: Object, held: bool, *, yes: bool, as_json: bool) -> None:
    if held:
        findings = rollout["heldFor"]
        if not as_json and not yes:
            print_line(f"{new(rollout)} differs from what callers have now:")
            for finding in findings:
                print_line(f"  - {clean(finding)}")
        confirm(f"It is held for: {'; '.join(findings)}.", "Go on with it all the same?", yes=yes)
    elif rollout["phase"] == "rollback-paused":
        harm = f"{new(rollout)} was to be taken back: {rollout['reason']}"
        confirm(harm, f"{harm} Stay with it all the same?", yes=yes)
