"""A gigabyte through the whole way: HTTP, the gateway, the plugin's own process, MinIO, and back."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.running import RunningGateway, gateway

pytestmark = [pytest.mark.minio, pytest.mark.slow, pytest.mark.timeout(290)]
SIZE = 1 << 30
BLOCK = random.Random(11).randbytes(1 << 20)
GROWTH = 128 << 20
"""Bytes that each of both processes may grow by; an eighth of what passes through it."""
API = "/plugins/minio-management/api"


class Watch:
    """The most memory that the gateway and the plugin had at any time, beyond what they began with."""

    def __init__(self, running: RunningGateway) -> None:
        processes = [psutil.Process(running.process.pid), *running.instances()]
        self._before = [(process, process.memory_info().rss) for process in processes]
        self.growth = 0

    async def look(self, until: asyncio.Event) -> None:
        while not until.is_set():
            grown = [process.memory_info().rss - before for process, before in self._before]
            self.growth = max(self.growth, *grown)
            await asyncio.sleep(0.05)


async def test_a_gigabyte_goes_up_and_down_with_flat_memory_and_equal_hash(
    minio: Any, tmp_path: Path
) -> None:
    async with gateway(tmp_path / "home", "process", {"PLUGWAY_INSTALL": "minio-management"}) as running:
        await running.healthy("minio-management", 120)
        client = running.client
        values = {"connections": {"local": minio.connection}}
        answer = await client.put("/api/v1/plugins/minio-management/settings", json={"values": values})
        answer.raise_for_status()
        (await client.post(f"{API}/buckets", json={"name": "large"})).raise_for_status()
        # So that what is imported at the first upload does not count.
        place, query = f"{API}/buckets/large/object/content", {"key": "large.bin"}
        (await client.put(place, params=query, content=b"first")).raise_for_status()
        watch, over = Watch(running), asyncio.Event()
        looking = asyncio.create_task(watch.look(over))
        sent, got, received = hashlib.sha256(), hashlib.sha256(), 0

        async def upload() -> AsyncIterator[bytes]:
            for number in range(SIZE >> 20):
                block = number.to_bytes(8, "big") + BLOCK[8:]
                sent.update(block)
                yield block

        headers = {"content-length": str(SIZE)}
        up = await client.put(place, params=query, content=upload(), headers=headers, timeout=120)
        assert up.raise_for_status().json()["size"] == SIZE
        async with client.stream("GET", place, params=query, timeout=120) as down:
            assert down.raise_for_status().headers["content-length"] == str(SIZE)
            async for part in down.aiter_bytes():
                received += len(part)
                got.update(part)
        over.set()
        await looking
        assert received == SIZE
        assert got.digest() == sent.digest()
        assert 0 < watch.growth < GROWTH, f"{watch.growth >> 20} MiB"
        print(f"grown by {watch.growth >> 20} MiB at most")  # noqa: T201 - a figure for whoever asks with -s
