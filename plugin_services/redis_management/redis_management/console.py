"""A console for commands, with a guard; each has a connection of its own and a limit to its answer."""

from __future__ import annotations

import time
from typing import Any

from plugway_sdk.web.connections import ConnectionName
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refused, new_router
from pydantic import Field
from redis.asyncio.connection import AbstractConnection

from redis_management.command_guard import Command, judge, names_of
from redis_management.command_line import split
from redis_management.dependencies import Database, LinksOf, Node
from redis_management.problems import in_words
from redis_management.replies import Reply, reply_of

router = new_router("console")
LARGEST = 16 * 1024 * 1024
"""Bytes of an answer; one that is larger is given up."""
_CONTAINERS = frozenset(
    (
        "ACL", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "FUNCTION", "LATENCY", "MEMORY", "MODULE",
        "OBJECT", "PUBSUB", "SCRIPT", "SLOWLOG", "XGROUP", "XINFO",
    )
)  # fmt: skip


class Line(ApiModel):
    """A command as one would type it into redis-cli."""

    line: str = Field(min_length=1, max_length=1_000_000, examples=['SET greeting "hello\\n"'])
    confirm: str = Field(default="", description="The command's name once more, for those that can do harm.")


class Ran(ApiModel):
    """What came of it."""

    command: str
    reply: Reply
    milliseconds: float


def command_of(name: str, info: Any) -> Command:
    """From one entry of COMMAND INFO."""
    flags = frozenset(flag.decode() for flag in info[2])
    categories = frozenset(one.decode().removeprefix("@") for one in (info[6] if len(info) > 6 else ()))
    return Command(name, flags, categories)


async def _ask(link: AbstractConnection, *words: bytes | str) -> Any:
    await link.send_command(*words, check_health=False)
    return await link.read_response()


async def look_up(link: AbstractConnection, words: list[bytes]) -> Command:
    """What Redis says of the command, of its subcommand where it knows that."""
    name, names = names_of(words)
    found = await _ask(link, "COMMAND", "INFO", name, names)
    whole, part = (*found, None)[:2]
    if whole is None:
        raise Refused(f"This Redis knows no command '{name[:100]}'.")
    if names != name and part:
        return command_of(names, part)
    # Before Redis 7 only the whole is told, whose subcommands may read or change.
    return command_of(names if name in _CONTAINERS and names != name else name, whole)


@router.post("/console")
async def run_command(
    links: LinksOf, line: Line, connection: ConnectionName = "", database: Database = None, node: Node = ""
) -> Ran:
    """Run one command. Some are refused, and some have to be confirmed by their name."""
    words = split(line.line)
    pools = links.pools(connection)
    link = await pools.alone(database, node, largest=LARGEST)
    try:
        with in_words(pools.connection):
            command = await look_up(link, words)
            judge(command, words, read_only=pools.connection.read_only, confirm=line.confirm)
            began = time.perf_counter()
            reply = await reply_of(_ask(link, *words))
            taken = (time.perf_counter() - began) * 1000
    finally:
        await link.disconnect(nowait=True)
    return Ran(command=command.shown, reply=reply, milliseconds=round(taken, 2))
