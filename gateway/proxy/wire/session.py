"""One HTTP/2 connection to a plugin, whatever its calls are like: settings, windows, pings, ends."""

from __future__ import annotations

import asyncio
from math import inf
from typing import Generic, Protocol, TypeVar, cast

from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.wire.frames import (
    ACK,
    CANCEL,
    CONNECTION_WINDOW,
    END_HEADERS,
    END_STREAM,
    FRAME,
    FRAME_LIMIT,
    GOAWAY,
    HEADERS,
    MESSAGE,
    NO_ERROR,
    PING,
    REFUSED_STREAM,
    RST_STREAM,
    SETTING,
    SETTINGS,
    UINT,
    WINDOW_UPDATE,
    frame,
)
from gateway.proxy.wire.hpack import BadBlock, literal
from gateway.proxy.wire.pings import PAYLOAD, Pings
from gateway.proxy.wire.reader import FrameReader

PLUGIN_HEADER = b"plugway-plugin"
_FLOOD = 10_000
"""Frames that bring no call forward, since the last answer and within :data:`_FLOOD_SECONDS`. Late answers
to calls that were given up stay far below it."""

_FLOOD_SECONDS = 60.0
_LAST_STREAM = 2**30


class Stream(Protocol):
    """One call. ``deadline`` is of the loop's clock, and may be infinite."""

    deadline: float

    def fail(self, failed: CallFailed) -> None: ...

    def timed_out(self) -> CallFailed:
        """Why it is given up at its deadline."""
        ...


S = TypeVar("S", bound=Stream)


class Session(FrameReader, Generic[S]):
    """``usable`` is whether it takes new calls."""

    slack = 0.0
    """Seconds by which the end of a late call may come later."""

    def __init__(
        self, authority: bytes, scheme: bytes, *, pings: bool, plugin: bytes, preface: bytes
    ) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._before = b"\x83" + (b"\x87" if scheme == b"https" else b"\x86")  # :method POST, :scheme
        self._after = b"".join(
            (
                literal(b":authority", authority),
                literal(b"te", b"trailers"),
                literal(b"content-type", b"application/grpc"),
                literal(PLUGIN_HEADER, plugin) if plugin else b"",
            )
        )
        self._preface = preface
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made
        self._streams: dict[int, S] = {}
        self._next = 1
        self._window = 65535
        self._stream_window = 65535
        self._max_frame = FRAME_LIMIT
        self._max_streams = 2**31
        self._unacknowledged = 0
        self._idle_frames = 0
        self._idle_since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._pinged = pings
        self._pings: Pings | None = None
        self.usable = False

    # Calls

    def fits(self, size: int) -> bool:
        """Whether a message of ``size`` bytes can be sent now, in one frame."""
        size += 5
        return (
            size <= self._max_frame
            and size <= self._window
            and size <= self._stream_window
            and len(self._streams) < self._max_streams
        )

    def _head_of(self, path: bytes) -> bytes:
        return self._before + literal(b":path", path) + self._after

    def _begin(self, stream: S, block: bytes, message: bytes) -> int:
        """Send a call's only message; returns the stream's number."""
        stream_id = self._enter(stream)
        size = len(message)
        self._window -= size + 5
        self._transport.write(
            b"".join(
                (
                    FRAME.pack(len(block) << 8 | HEADERS, END_HEADERS, stream_id),
                    block,
                    FRAME.pack((size + 5) << 8, END_STREAM, stream_id),
                    MESSAGE.pack(0, size),
                    message,
                )
            )
        )
        return stream_id

    def _enter(self, stream: S) -> int:
        stream_id = self._next
        self._next = stream_id + 2
        if stream_id >= _LAST_STREAM:
            self.usable = False
        self._streams[stream_id] = stream
        return stream_id

    def close(self) -> None:
        """Close; running calls fail as lost."""
        self.usable = False
        if not self._transport.is_closing():
            self._transport.write(frame(GOAWAY, 0, 0, UINT.pack(0) + UINT.pack(NO_ERROR)))
            self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._preface)
        self.usable = True
        if self._pinged:
            self._pings = Pings(
                self._loop, busy=lambda: bool(self._streams), send=self._ping, abort=self._transport.abort
            )

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pings is not None:
            self._pings.stop()
            self._pings = None
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.fail(CallFailed(Failure.LOST, "went away during the call"))

    # Frames

    def _count(self, size: int) -> None:
        """So much came as data, on whichever call: the connection's window widens for all of them."""
        self._unacknowledged += size
        if self._unacknowledged > CONNECTION_WINDOW // 2:
            self._transport.write(frame(WINDOW_UPDATE, 0, 0, UINT.pack(self._unacknowledged)))
            self._unacknowledged = 0

    def _end(self, stream_id: int, failed: CallFailed) -> None:
        stream = self._streams.pop(stream_id, None)
        if stream is not None:
            # The plugin knows the deadline too, and may break off a moment before our own timer does.
            late = self._loop.time() >= stream.deadline
            stream.fail(stream.timed_out() if late else failed)
        if not self.usable and not self._streams:
            self.close()

    def _reset(self, stream_id: int) -> None:
        if self._streams.pop(stream_id, None) is not None and not self._transport.is_closing():
            self._transport.write(frame(RST_STREAM, 0, stream_id, UINT.pack(CANCEL)))
        if not self.usable and not self._streams:
            self.close()

    def _idle(self) -> None:
        self._idle_frames += 1
        if self._idle_frames > _FLOOD:
            # Not all that came in the hours of a quiet stream.
            now = self._loop.time()
            if now - self._idle_since < _FLOOD_SECONDS:
                raise BadBlock("a flood of frames that say nothing")
            self._idle_frames, self._idle_since = 0, now

    def _on_control(self, kind: int, stream_id: int, flags: int, payload: bytes) -> None:
        self._idle()
        if kind == SETTINGS and not flags & ACK:
            self._on_settings(payload)
        elif kind == PING:
            if not flags & ACK:
                self._transport.write(frame(PING, ACK, 0, payload))
            elif self._pings is not None:
                self._pings.answered()
        elif kind == WINDOW_UPDATE and stream_id == 0:
            self._window += UINT.unpack(payload)[0] & 0x7FFFFFFF
        elif kind == RST_STREAM:
            refused = UINT.unpack(payload)[0] == REFUSED_STREAM
            failure = Failure.REFUSED if refused else Failure.LOST
            self._end(stream_id, CallFailed(failure, "broke the call off"))
        elif kind == GOAWAY:
            self._on_goaway(UINT.unpack_from(payload)[0] & 0x7FFFFFFF)

    def _on_settings(self, payload: bytes) -> None:
        for name, value in SETTING.iter_unpack(payload):
            if name == 3:
                self._max_streams = value
            elif name == 4:
                self._stream_window = value
            elif name == 5:
                if value < FRAME_LIMIT:
                    raise BadBlock("frames shorter than all have to take")
                self._max_frame = value
        self._transport.write(frame(SETTINGS, ACK, 0))

    def _on_goaway(self, last: int) -> None:
        self.usable = False
        for stream_id in [known for known in self._streams if known > last]:
            self._end(stream_id, CallFailed(Failure.REFUSED, "takes no more calls on this connection"))
        if not self._streams:
            self.close()

    def _break(self, why: str) -> None:
        """The peer breaks the protocol: nothing on this connection can be trusted."""
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.fail(CallFailed(Failure.GARBAGE, f"broke the protocol ({why})"))
        self.usable = False
        self._transport.abort()

    # Time

    def _watch(self, deadline: float) -> None:
        """See to it that a call of this deadline is ended then."""
        if self._timer is None or deadline < self._timer_at:
            self._arm(deadline)

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._expire)

    def _expire(self) -> None:
        """One timer for all calls: ends those that are late, then waits for the next."""
        self._timer = None
        now = self._loop.time() + 0.001
        for stream_id, stream in [item for item in self._streams.items() if item[1].deadline <= now]:
            stream.fail(stream.timed_out())
            self._reset(stream_id)
        nearest = min((stream.deadline for stream in self._streams.values()), default=inf)
        if nearest < inf:
            self._arm(max(nearest, now + self.slack))

    def _ping(self) -> None:
        self._transport.write(frame(PING, 0, 0, PAYLOAD))
