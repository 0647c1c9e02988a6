"""Keys as a file: streamed, a few at a time, however many there are."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

from plugway_sdk.web.connections import ConnectionName
from plugway_sdk.web.problems import Refusal, new_router
from starlette.responses import StreamingResponse

from redis_management.dependencies import Database, LinksOf, Pattern
from redis_management.info import facts_of
from redis_management.keys import OfType
from redis_management.link import Command, Reader
from redis_management.pools import Pools
from redis_management.scan import keys_of, step
from redis_management.transfer_format import FORMAT, LARGEST_KEY, VERSION, key_line, line_of, named

router = new_router("import and export")
PAGE = 200
TOGETHER = 4 * 1024 * 1024
"""About the most bytes of keys that are asked for in one round trip."""
LINES: dict[int | str, dict[str, Any]] = {
    200: {"description": "JSON lines, one key each.", "content": {"application/x-ndjson": {}}}
}


def portions(names: list[bytes], sizes: list[int]) -> list[list[bytes]]:
    """Names in groups whose values are not too much together."""
    groups: list[list[bytes]] = []
    held = 0
    for name, size in zip(names, sizes, strict=True):
        if not groups or held + size > TOGETHER:
            groups.append([])
            held = 0
        groups[-1].append(name)
        held += size
    return groups


async def records(reader: Reader, names: list[bytes]) -> AsyncIterator[bytes]:
    """The lines of these keys; those that are gone meanwhile are left out."""
    sizes = [size or 0 for size in await reader.run_all([("MEMORY", "USAGE", name) for name in names])]
    for name, size in zip(names, sizes, strict=True):
        if size > LARGEST_KEY:
            yield line_of(
                **named(name), skipped=f"it takes {size} bytes, and at most {LARGEST_KEY} are exported"
            )
    kept = [(name, size) for name, size in zip(names, sizes, strict=True) if 0 < size <= LARGEST_KEY]
    for group in portions([name for name, _ in kept], [size for _, size in kept]):
        commands: list[Command] = [("TIME",)]
        for name in group:
            commands += [("TYPE", name), ("PTTL", name), ("DUMP", name)]
        moment, *replies = await reader.run_all(commands)
        now = int(moment[0]) * 1000 + int(moment[1]) // 1000
        for at, name in enumerate(group):
            kind, ttl, dump = replies[3 * at : 3 * at + 3]
            if dump is not None:
                yield key_line(name, kind.decode(), now + ttl if ttl >= 0 else None, dump)


async def lines(pools: Pools, database: int | None, pattern: str, kind: str | None) -> AsyncIterator[bytes]:
    """The whole file. What goes wrong on the way is its last line."""
    keys = skipped = 0
    try:
        async with pools.reader(database) as reader:
            version = (await facts_of(reader, "server")).get("redis_version")
            number = pools.connection.address.database if database is None else database
            yield line_of(
                format=FORMAT, version=VERSION, redis=version, database=number, pattern=pattern, type=kind,
                at=int(time.time() * 1000),
            )  # fmt: skip
            walk, cursor = keys_of(reader, pattern.encode(), kind), 0
            while True:
                found = await step(walk, cursor, PAGE)
                async for line in records(reader, found.items):
                    yield line
                    if b'"skipped":' in line[-120:]:
                        skipped += 1
                    else:
                        keys += 1
                cursor = found.cursor
                if cursor == 0:
                    break
        yield line_of(end=True, keys=keys, skipped=skipped)
    except Refusal as refusal:
        yield line_of(error=refusal.detail)


@router.get("/export", response_class=StreamingResponse, responses=LINES)
async def export_keys(
    links: LinksOf,
    pattern: Pattern = "*",
    kind: OfType = None,
    connection: ConnectionName = "",
    database: Database = None,
) -> StreamingResponse:
    """Keys that match, as JSON lines with what DUMP gives: values of every type, with their time to live.

    It is no snapshot: what changes meanwhile is there in the one form or the other.
    """
    pools = links.pools(connection)
    async with pools.reader(database) as reader:
        await reader.run("PING")
    name = f"redis-{connection or links.settings.first}-{time.strftime('%Y%m%d-%H%M%S')}.jsonl"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    content = lines(pools, database, pattern, kind)
    return StreamingResponse(content, media_type="application/x-ndjson", headers=headers)
