"""``plugway resume``: let a paused rollout go on."""

from __future__ import annotations

from gateway.cli.client import GatewayClient
from gateway.cli.command import JsonOption, run
from gateway.cli.exits import Exit
from gateway.cli.rollout_find import MoveArgument, find_rollout
from gateway.cli.rollout_steer import steer, tell
from gateway.cli.rollout_watch import WatchOption, WatchTimeoutOption


def resume(
    rollout: MoveArgument,
    watch: WatchOption = False,
    timeout: WatchTimeoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a paused rollout go on.

    Where a canary step waits for someone, the next step begins.
    """

    async def act(client: GatewayClient) -> Exit:
        after = await steer(client, await find_rollout(client, rollout), "resume")
        return await tell(client, after, "It goes on.", as_json=as_json, watched=watch, timeout=timeout)

    run(act, as_json)
