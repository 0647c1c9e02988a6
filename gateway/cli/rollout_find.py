"""The rollout that a command means: the one under way of a plugin, or the one named."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote

import typer

from gateway.cli.client import GatewayClient, Object, plugin_path
from gateway.cli.exits import Exit, Failure, failure

MoveArgument = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The plugin's id, for its rollout under way; or a rollout's.", show_default=False
    ),
]
_ROLLOUT_ID = re.compile(r".+-[0-9a-f]{8}")


def rollout_path(id_: str, *more: str) -> str:
    return "/".join(("/api/v1/rollouts", quote(id_, safe=""), *more))


async def find_rollout(client: GatewayClient, id_: str) -> Object:
    """Raises a failure where there is none; a plugin's id goes before a rollout's."""
    try:
        found = await rollouts_of(client, id_)
    except Failure as error:
        if error.code is not Exit.NOT_FOUND or not _ROLLOUT_ID.fullmatch(id_):
            raise
        return await client.get(rollout_path(id_))
    if (live := under_way(found)) is None:
        raise failure(
            Exit.NOT_FOUND, f"No rollout of {id_} is under way.", f"Begin one: plugway rollout {id_} VERSION"
        )
    return live


async def rollouts_of(client: GatewayClient, plugin: str) -> list[Object]:
    """A plugin's rollouts, newest first."""
    return list((await client.get(plugin_path(plugin, "rollouts")))["rollouts"])


def under_way(rollouts: list[Object]) -> Object | None:
    return next((rollout for rollout in rollouts if rollout["live"]), None)
