"""``plugway pause``: hold a rollout where it is."""

from __future__ import annotations

from gateway.cli.client import GatewayClient
from gateway.cli.command import JsonOption, run
from gateway.cli.exits import Exit
from gateway.cli.rollout_find import MoveArgument, find_rollout
from gateway.cli.rollout_steer import steer, tell


def pause(rollout: MoveArgument, as_json: JsonOption = False) -> None:
    """Hold a rollout where it is.

    The shares of both versions stay, and no time runs out, until you resume, promote or abort it.
    """

    async def act(client: GatewayClient) -> Exit:
        after = await steer(client, await find_rollout(client, rollout), "pause")
        return await tell(client, after, "Paused.", as_json=as_json)

    run(act, as_json)
