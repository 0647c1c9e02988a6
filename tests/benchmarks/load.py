"""Calls over kept connections, each as soon as the one before is answered, and what they cost."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import cast

import psutil

from tests.fakes.data_plane import TOKEN

_PATIENCE = 120.0
"""Seconds for one round."""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU of the measured process for one call, and how long a call took; microseconds."""

    cpu: float
    latency: float


def request(path: str) -> bytes:
    """What a script or a browser sends, more or less."""
    lines = (
        f"GET {path} HTTP/1.1",
        "host: 127.0.0.1",
        "user-agent: bench/1.0 (X11; Linux x86_64)",
        "accept: application/json",
        "accept-encoding: gzip, br",
        "accept-language: en",
        f"authorization: Bearer {TOKEN}",
    )
    return "\r\n".join((*lines, "", "")).encode()


class _Client(asyncio.Protocol):
    """One connection. Any answer but a whole 200 ends the measurement."""

    def __init__(self, message: bytes, calls: int) -> None:
        self._message = message
        self._left = calls
        self._buffer = b""
        self._size = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._message)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        if not self._size:
            self._size = self._whole(self._buffer[: end + 2].lower(), end)
        if len(self._buffer) < self._size:
            return
        self._buffer, self._size = b"", 0
        self._left -= 1
        if self._left:
            self._transport.write(self._message)
        elif not self.done.done():
            self.done.set_result(None)
            self._transport.close()

    def _whole(self, head: bytes, end: int) -> int:
        if not head.startswith(b"http/1.1 200"):
            self.done.set_exception(RuntimeError(f"not a 200: {self._buffer[:300]!r}"))
        start = head.index(b"content-length: ") + 16
        return end + 4 + int(head[start : head.index(b"\r", start)])

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("closed within the measurement"))


async def drive(port: int, path: str, calls: int, connections: int) -> float:
    """Make the calls; returns the seconds they took."""
    loop = asyncio.get_running_loop()
    message = request(path)
    begun = time.perf_counter()
    clients = [
        (await loop.create_connection(lambda: _Client(message, calls // connections), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    async with asyncio.timeout(_PATIENCE):
        await asyncio.gather(*(client.done for client in clients))
    return time.perf_counter() - begun


def cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


async def measure(pid: int, port: int, path: str, calls: int, connections: int) -> Cost:
    """What ``calls`` calls cost the process ``pid``."""
    before = cpu_seconds(pid)
    seconds = await drive(port, path, calls, connections)
    used = cpu_seconds(pid) - before
    return Cost(cpu=used / calls * 1e6, latency=seconds / calls * connections * 1e6)
