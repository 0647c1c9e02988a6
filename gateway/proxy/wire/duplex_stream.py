"""One call of gRPC that is passed on as it is: what the plugin says, and what it is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.headers import Pairs
from gateway.proxy.http2.protocol import STREAM_WINDOW

if TYPE_CHECKING:
    from gateway.proxy.wire.duplex import Duplex


class DuplexStream:
    """One call. ``head`` and ``trailers`` are header fields as they came; it must be closed.

    ``trailers_only`` says that the head was all of the answer.
    """

    __slots__ = (
        "_body", "_connection", "_ended", "_failed", "_number", "_sent_all", "_unacknowledged", "_wake",
        "head", "trailers", "trailers_only",
    )  # fmt: skip

    def __init__(self, connection: Duplex, number: int) -> None:
        self._connection = connection
        self._number = number
        self._body = bytearray()
        self._unacknowledged = 0
        self._wake = asyncio.Event()
        self._ended = self._sent_all = False
        self._failed: CallFailed | None = None
        self.head: Pairs | None = None
        self.trailers: Pairs | None = None
        self.trailers_only = False

    # The connection's side

    def headed(self, fields: Pairs, *, ended: bool) -> None:
        self.head = fields
        if ended:
            self.trailers_only = True
            self.trailers = fields
        self._wake.set()

    def trailed(self, fields: Pairs) -> None:
        self.trailers = fields

    def feed(self, data: bytes, counted: int) -> None:
        self._unacknowledged += counted
        self._body += data
        self._wake.set()

    def finished(self) -> None:
        self._ended = True
        self._wake.set()

    def fail(self, failed: CallFailed) -> None:
        # What comes after the end, as a reset without error, says only that no more is read.
        if not self._ended and self._failed is None:
            self._failed = failed
            self._wake.set()

    def wake(self) -> None:
        self._wake.set()

    # The caller's side

    @property
    def over(self) -> bool:
        """Whether the plugin says nothing more; what it said may not have been read yet."""
        return self._ended or self._failed is not None

    @property
    def empty(self) -> bool:
        """Whether it ended without a message."""
        return self._ended and not self._body

    async def wait_for_head(self) -> Pairs:
        """Raises :class:`CallFailed`."""
        while self.head is None:
            if self._failed is not None:
                raise self._failed
            self._wake.clear()
            await self._wake.wait()
        return self.head

    def take(self) -> bytes:
        """What has come by now."""
        data = bytes(self._body)
        if data:
            self._body.clear()
            if self._unacknowledged >= STREAM_WINDOW // 4 and not self._ended:
                counted, self._unacknowledged = self._unacknowledged, 0
                self._connection.acknowledge(self._number, counted)
        return data

    async def wait_for_more(self) -> bool:
        """Whether there is something to take, and not the end; raises :class:`CallFailed`."""
        while not self._body:
            if self._ended:
                return False
            if self._failed is not None:
                raise self._failed
            self._wake.clear()
            await self._wake.wait()
        return True

    async def write(self, data: bytes, *, ends: bool = False) -> None:
        """As fast as the plugin takes it. Nothing is said where it takes no more: its answer says why."""
        connection, rest = self._connection, memoryview(data)
        while not self.over:
            if not connection.drained.is_set():
                await connection.drained.wait()
                continue
            rest = rest[connection.send_data(self._number, rest, ends=ends) :]
            if not rest:
                if ends:
                    self._sent_all = True
                    if not data:
                        connection.send_end(self._number)
                return
            if connection.window(self._number) <= 0:
                self._wake.clear()
                await self._wake.wait()
            else:
                await asyncio.sleep(0)

    def close(self) -> None:
        """Break the call off where it has not ended, on either side."""
        self._connection.closed(self._number, reset=not (self._ended and self._sent_all))
        self.fail(CallFailed(Failure.LOST, "is not waited for"))
