"""Where the memory goes: a sample of keys, with what each takes, added up while one looks.

SCAN walks a hash table in an order that has nothing to do with names, so its beginning is a fair sample.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Query
from plugway_sdk.web.connections import ConnectionName
from plugway_sdk.web.problems import Refusal, new_router
from starlette.responses import StreamingResponse

from redis_management.blobs import blob
from redis_management.dependencies import Database, LinksOf, Pattern
from redis_management.link import Command, Reader
from redis_management.memory_groups import Groups, Sum
from redis_management.pools import Pools
from redis_management.problems import Busy
from redis_management.scan import keys_of, step
from redis_management.taps import EVENTS, event

router = new_router("memory")
PAGE = 100
SHOWN = 40
EVERY = 0.5
"""Seconds from one event to the next."""
LONGEST = 120.0
AT_ONCE = 2


class _Running:
    """How many analyses run."""

    now = 0


def sum_of(one: Sum) -> dict[str, int]:
    return {"keys": one.keys, "bytes": one.size}


def view(groups: Groups, looked_at: int, database_keys: int) -> dict[str, Any]:
    """What was found so far, for JSON."""
    return {
        "lookedAt": looked_at,
        "databaseKeys": database_keys,
        "total": sum_of(groups.total),
        "shapes": [{"shape": blob(shape).model_dump(by_alias=True), **sum_of(one)}
                   for shape, one in groups.heaviest(SHOWN)],
        "types": [{"type": kind, **sum_of(one)}
                  for kind, one in sorted(groups.types.items(), key=lambda item: -item[1].size)],
        "largest": [{"name": blob(name, 256).model_dump(by_alias=True), "type": kind, "bytes": size}
                    for size, name, kind in sorted(groups.largest, reverse=True)],
    }  # fmt: skip


async def weigh(reader: Reader, names: list[bytes], groups: Groups) -> None:
    commands: list[Command] = [word for name in names for word in (("TYPE", name), ("MEMORY", "USAGE", name))]
    replies = await reader.run_all(commands)
    for name, kind, size in zip(names, replies[::2], replies[1::2], strict=True):
        if size is not None:
            groups.add(name, kind.decode(), size)


async def analyse(
    pools: Pools, database: int | None, pattern: str, sample: int, groups: Groups
) -> AsyncIterator[str]:
    """Events ``progress`` and at the end ``end`` with the reason: all, sample, time or lost."""
    _Running.now += 1
    began = told = time.monotonic()
    looked_at, total, reason, message = 0, 0, "all", ""
    try:
        async with pools.reader(database) as reader:
            total = await reader.run("DBSIZE")
            walk, cursor = keys_of(reader, pattern.encode(), None), 0
            while True:
                before = time.monotonic()
                found = await step(walk, cursor, min(PAGE, sample))
                await weigh(reader, found.items, groups)
                looked_at, cursor, now = looked_at + found.looked_at, found.cursor, time.monotonic()
                if cursor == 0:
                    break
                if groups.total.keys >= sample or now - began > LONGEST:
                    reason = "sample" if groups.total.keys >= sample else "time"
                    break
                if now - told >= EVERY:
                    told = now
                    yield event("progress", view(groups, min(looked_at, total), total))
                # Half of the time at most is ours: others wait for Redis too.
                await asyncio.sleep(min(now - before, 0.05))
    except Refusal as refusal:
        reason, message = "lost", f"{refusal.detail} {refusal.hint}".strip()
    finally:
        _Running.now -= 1
    yield event("progress", view(groups, total if reason == "all" else min(looked_at, total), total))
    yield event("end", {"reason": reason, "message": message})


@router.get("/memory/analysis", response_class=StreamingResponse, responses=EVENTS)
async def analyse_memory(
    links: LinksOf,
    pattern: Pattern = "*",
    sample: Annotated[int, Query(ge=1, le=1_000_000, description="Keys to look at, at most.")] = 20_000,
    separator: Annotated[
        str, Query(min_length=1, max_length=10, description="Between the parts of names.")
    ] = ":",
    depth: Annotated[int, Query(ge=1, le=8, description="Parts of names that are told apart.")] = 3,
    connection: ConnectionName = "",
    database: Database = None,
) -> StreamingResponse:
    """Memory by the shape of names and by type, from a sample of keys, as server-sent events.

    Each event has all that was found so far; whoever leaves ends it.
    """
    pools = links.pools(connection)
    if _Running.now >= AT_ONCE:
        raise Busy("Others look where the memory goes already.", hint="Wait for them, up to two minutes.")
    async with pools.reader(database) as reader:
        await reader.run("PING")
    groups = Groups(separator.encode(), depth)
    content = analyse(pools, database, pattern, sample, groups)
    return StreamingResponse(content, media_type="text/event-stream", headers={"cache-control": "no-store"})
