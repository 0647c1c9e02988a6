"""Carrying bytes between two streams, each side as fast as the other reads, until both have ended."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

from gateway.egress.dial import BUFFER, Streams

HALF_CLOSED_IDLE = 300.0
"""Seconds without a byte after one side has said that it sends no more."""


class Tunnel:
    """``inside`` is the plugin's connection, ``outside`` the destination's.

    ``sent`` and ``received`` are told the bytes that have gone out and come in.
    """

    def __init__(
        self,
        inside: Streams,
        outside: Streams,
        *,
        idle: float,
        sent: Callable[[int], None],
        received: Callable[[int], None],
    ) -> None:
        self._inside = inside
        self._outside = outside
        self._idle = idle
        self._sent = sent
        self._received = received
        self._moved_at = 0.0

    async def run(self) -> None:
        """Until both sides have ended, one has broken off, or nothing has moved for ``idle`` seconds."""
        self._moved_at = asyncio.get_running_loop().time()
        ways = {
            asyncio.create_task(self._carry(self._inside[0], self._outside[1], self._sent)),
            asyncio.create_task(self._carry(self._outside[0], self._inside[1], self._received)),
        }
        whole = False
        try:
            if whole := await self._watch(ways):
                await self._finish()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            if not whole:
                # A reset: half an upload must not look like a whole one. The plugin's socket has
                # no such thing; it sees an end.
                outside = self._outside[1].get_extra_info("socket")
                outside.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            for _, writer in (self._inside, self._outside):
                writer.transport.abort()

    async def _finish(self) -> None:
        """Close both, with the time that the last bytes need."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(min(self._idle, HALF_CLOSED_IDLE)):
                for _, writer in (self._inside, self._outside):
                    writer.close()
                    await writer.wait_closed()

    async def _watch(self, ways: set[asyncio.Task[None]]) -> bool:
        """Whether both directions came to their end."""
        loop = asyncio.get_running_loop()
        running = set(ways)
        while running:
            idle = self._idle if len(running) == len(ways) else min(self._idle, HALF_CLOSED_IDLE)
            left = self._moved_at + idle - loop.time()
            if left <= 0:
                return False
            ended, running = await asyncio.wait(running, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if any(way.exception() for way in ended):
                return False
        return True

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Callable[[int], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(BUFFER):
            self._moved_at = loop.time()
            writer.write(data)
            await writer.drain()
            self._moved_at = loop.time()
            count(len(data))
        writer.write_eof()
        self._moved_at = loop.time()
