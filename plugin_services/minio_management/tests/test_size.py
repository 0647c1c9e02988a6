"""Large objects and many objects: memory stays flat, pages stay small."""

from __future__ import annotations

import asyncio
import hashlib
import io
import random
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from plugway_sdk.testing import PluginClient

pytestmark = pytest.mark.minio
SIZE = 256 << 20
BLOCK = random.Random(7).randbytes(1 << 20)
GROWTH = 96 << 20
"""Bytes of memory that a transfer may cost: parts, buffers of the contract, what the allocator keeps."""


def blocks() -> Any:
    """Every block is another, so that a lost or doubled one changes the hash."""
    for number in range(SIZE >> 20):
        yield number.to_bytes(8, "big") + BLOCK[8:]


def resident() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * 4096


class Watch:
    """The most memory that this process, which runs the plugin too, had at any time."""

    def __init__(self) -> None:
        self.before = self.most = resident()

    def look(self) -> None:
        self.most = max(self.most, resident())

    @property
    def growth(self) -> int:
        return self.most - self.before


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("known", [True, False], ids=["length known", "length unknown"])
async def test_a_large_object_goes_up_and_down_with_flat_memory_and_equal_hash(
    client: PluginClient, shared: Any, known: bool
) -> None:
    bucket = "large-known" if known else "large-unknown"
    (await client.post("/buckets", json={"name": bucket})).raise_for_status()
    path, query = f"/buckets/{bucket}/object/content", {"key": "large.bin"}
    sent = hashlib.sha256()

    watch = Watch()

    async def upload() -> AsyncIterator[bytes]:
        for block in blocks():
            sent.update(block)
            for at in range(0, len(block), 65_536):
                yield block[at : at + 65_536]
            watch.look()

    headers = {"content-length": str(SIZE)} if known else {}
    stored = await client.put(path, params=query, content=upload(), headers=headers)
    assert stored.raise_for_status().json()["size"] == SIZE
    about = await asyncio.to_thread(shared.raw.stat_object, bucket, "large.bin")
    assert about.size == SIZE
    received, got = 0, hashlib.sha256()
    async with client.stream("GET", path, params=query) as answer:
        assert answer.headers["content-length"] == str(SIZE)
        async for part in answer.aiter_bytes():
            received += len(part)
            got.update(part)
            watch.look()
    assert received == SIZE
    assert got.digest() == sent.digest()
    assert watch.growth < GROWTH, f"{watch.growth >> 20} MiB"


async def test_many_objects_come_in_pages_of_the_size_asked_for(client: PluginClient, shared: Any) -> None:
    raw = shared.raw
    raw.make_bucket("many-objects")

    def put(number: int) -> None:
        raw.put_object("many-objects", f"{number:05}", io.BytesIO(b""), 0)

    def arrange() -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(put, range(1500)))

    await asyncio.to_thread(arrange)
    seen: list[str] = []
    token: str | None = ""
    pages = 0
    while token is not None:
        query = {"limit": 100, "token": token}
        page = (await client.get("/buckets/many-objects/objects", params=query)).raise_for_status().json()
        # What the server gives is what was asked for, and the next page begins where this one ends.
        assert len(page["objects"]) <= 100
        seen += [entry["key"] for entry in page["objects"]]
        token = page["token"]
        pages += 1
    assert seen == [f"{number:05}" for number in range(1500)]
    assert pages in (15, 16)
    first = (await client.get("/buckets/many-objects/objects/count")).raise_for_status().json()
    assert first == {"objects": 1500, "size": 0, "token": None}
