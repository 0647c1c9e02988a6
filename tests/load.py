"""Load that counts: keep-alive HTTP/1.1 calls, event streams, uploads and WebSockets, until told to end."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


@dataclass
class Counts:
    """``unary`` counts by status, or by the name of the error; ``versions`` by who answered."""

    unary: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    uploads: Counter[str] = field(default_factory=Counter)
    stream_ends: Counter[str] = field(default_factory=Counter)
    socket_ends: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return sum(self.unary.values())

    @property
    def failed(self) -> int:
        return self.calls - self.unary["200"]


@asynccontextmanager
async def load(
    base: str, token: str, prefix: str = "/plugins/mover/api", *, unary: int = 4, streams: bool = True
) -> AsyncIterator[Counts]:
    """Keep the load on while the block runs; nothing is retried, everything is counted."""
    counts, stop = Counts(), asyncio.Event()
    tasks = [asyncio.create_task(_unary(base, token, f"{prefix}/work", counts, stop)) for _ in range(unary)]
    if streams:
        tasks.append(asyncio.create_task(_events(base, token, f"{prefix}/events", counts, stop)))
        tasks.append(asyncio.create_task(_uploads(base, token, f"{prefix}/upload", counts, stop)))
        tasks.append(asyncio.create_task(_socket(base, token, f"{prefix}/ws", counts, stop)))
    try:
        yield counts
    finally:
        stop.set()
        _, pending = await asyncio.wait(tasks, timeout=20)
        for task in pending:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _unary(base: str, token: str, path: str, counts: Counts, stop: asyncio.Event) -> None:
    """A connection used as hard as one client can; httpx would cost more than the gateway."""
    where = urlsplit(base)
    request = f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    while not stop.is_set():
        began = loop.time()
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = next(
                int(line.split(":")[1])
                for line in head.lower().split("\r\n")
                if line.startswith("content-length:")
            )
            body = await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError) as error:
            counts.unary[type(error).__name__] += 1
            writer.close()
            reader, writer = await asyncio.open_connection(where.hostname, where.port)
            continue
        status = head.split(" ", 2)[1]
        counts.unary[status] += 1
        counts.seconds.append(loop.time() - began)
        if status == "200":
            counts.versions[body.decode()] += 1
        elif len(counts.failures) < 20:
            counts.failures.append(body.decode(errors="replace"))
        if "connection: close" in head.lower():
            writer.close()
            reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.close()


async def _events(base: str, token: str, path: str, counts: Counts, stop: asyncio.Event) -> None:
    """Reads events; an end after a ``retry:`` line is one with notice, any other is a cut."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=None, trust_env=False) as client:
        while not stop.is_set():
            noticed = False
            try:
                async with client.stream("GET", path) as answer:
                    async for line in answer.aiter_lines():
                        noticed = noticed or line.startswith("retry:")
                        if stop.is_set():
                            return
                counts.stream_ends["noticed" if noticed else f"ended, status {answer.status_code}"] += 1
            except httpx.HTTPError as error:
                counts.stream_ends["noticed" if noticed else type(error).__name__] += 1


async def _uploads(base: str, token: str, path: str, counts: Counts, stop: asyncio.Event) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    block = os.urandom(64 * 1024)
    wanted = hashlib.sha256(block * 40).hexdigest()

    async def body() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield block
            await asyncio.sleep(0.01)

    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30, trust_env=False) as client:
        while not stop.is_set():
            try:
                answer = await client.post(path, content=body())
                good = answer.status_code == 200 and answer.text == wanted
                counts.uploads["good" if good else f"{answer.status_code} {answer.text[:80]}"] += 1
            except httpx.HTTPError as error:
                counts.uploads[repr(error)] += 1


async def _socket(base: str, token: str, path: str, counts: Counts, stop: asyncio.Event) -> None:
    url = base.replace("http", "ws", 1) + path
    headers = {"Authorization": f"Bearer {token}", "Origin": base}
    while not stop.is_set():
        try:
            async with connect(url, additional_headers=headers, proxy=None) as socket:
                while not stop.is_set():
                    await socket.send("ping")
                    await asyncio.wait_for(socket.recv(), 10)
                    await asyncio.sleep(0.02)
        except ConnectionClosed as closed:
            counts.socket_ends[str(closed.rcvd.code if closed.rcvd else "cut")] += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
            counts.socket_ends[repr(error)[:120]] += 1
            await asyncio.sleep(0.05)
