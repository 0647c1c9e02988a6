"""Calls that come at a fixed rate, whatever the answers do; a call's time counts from when it was due."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Timed:
    """When a call was due, on the event loop's clock, and how long it took; seconds."""

    due: float
    took: float


@asynccontextmanager
async def fixed_rate(base: str, token: str, path: str, rate: float) -> AsyncIterator[list[Timed]]:
    """The calls made while the block runs, complete when it is left; one that fails fails the run.

    Over kept connections by hand: httpx costs more than the gateway, and would be what is measured.
    """
    where = urlsplit(base)
    request = f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    times: list[Timed] = []
    queue: asyncio.Queue[float | None] = asyncio.Queue()
    async with asyncio.TaskGroup() as group:
        for _ in range(_CONNECTIONS):
            group.create_task(_caller(str(where.hostname), where.port or 80, request, queue, times))
        clock = group.create_task(_clock(queue, rate))
        yield times
        clock.cancel()
        for _ in range(_CONNECTIONS):
            queue.put_nowait(None)


async def _clock(queue: asyncio.Queue[float | None], rate: float) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        await asyncio.sleep(max(0.0, due - loop.time()))
        queue.put_nowait(due)
        due += 1 / rate


async def _caller(
    host: str, port: int, request: bytes, queue: asyncio.Queue[float | None], times: list[Timed]
) -> None:
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection(host, port)
    while (due := await queue.get()) is not None:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200 "):
            raise RuntimeError(f"not a 200: {head!r}")
        await reader.readexactly(int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
        times.append(Timed(due, loop.time() - due))
    writer.close()
