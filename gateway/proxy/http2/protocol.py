"""What both ends of a connection that h2 keeps do alike: data in turns, output once a round of the loop."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Generic, Protocol, TypeVar

from h2.events import WindowUpdated
from h2.exceptions import H2Error

from gateway.proxy.http2.lasting import LastingConnection

CONNECTION_WINDOW = 4 * 2**20
STREAM_WINDOW = 256 * 1024
FIRST_WINDOW = 65535
"""Bytes of the connection's window before either side widens it (RFC 9113, 6.9.2)."""

FRAME = 64 * 1024
"""Bytes of the longest frame, also where the other side would take longer ones."""

_TURN = 64 * 1024
"""Bytes that one call writes before others may."""


class Wakeable(Protocol):
    """One call."""

    def wake(self) -> None:
        """Its window may be wider now."""
        ...


S = TypeVar("S", bound=Wakeable)


class H2Protocol(asyncio.Protocol, Generic[S]):
    """Its streams write through it. What h2 refuses to send is of a call that is over, and left out."""

    def __init__(self, loop: asyncio.AbstractEventLoop, h2: LastingConnection) -> None:
        self._loop = loop
        self._h2 = h2
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # until connection_made
        self._streams: dict[int, S] = {}
        self._flushing = False

    def window(self, number: int) -> int:
        """Bytes that the other side takes on this stream now."""
        try:
            return self._h2.local_flow_control_window(number)
        except H2Error:
            return 0

    def _write(self, number: int, data: memoryview, *, ends: bool) -> tuple[int, int]:
        """Give h2 what windows and a turn allow; returns the numbers of bytes and of frames."""
        frame = min(self._h2.max_outbound_frame_size, FRAME)
        sent = frames = 0
        with contextlib.suppress(H2Error):
            while sent < min(len(data), _TURN):
                size = min(self.window(number), frame, len(data) - sent, _TURN - sent)
                if size <= 0:
                    break
                last = ends and sent + size == len(data)
                self._h2.send_data(number, data[sent : sent + size].tobytes(), end_stream=last)
                sent += size
                frames += 1
        return sent, frames

    def _flush_soon(self) -> None:
        """Once for all that is written in this round of the loop."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        data = self._h2.data_to_send()
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def _widened(self, event: WindowUpdated) -> None:
        if not event.stream_id:
            self._wake_all()
        elif (stream := self._streams.get(event.stream_id)) is not None:
            stream.wake()

    def _wake_all(self) -> None:
        for stream in self._streams.values():
            stream.wake()
