"""One HTTP/2 connection that carries unary gRPC calls (RFC 9113, gRPC over HTTP/2)."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from gateway.proxy.failures import CallFailed, Failure, from_status, refused
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
    MAX_ANSWER,
    MESSAGE,
    NO_ERROR,
    PADDED,
    PING,
    PREFACE,
    REFUSED_STREAM,
    RST_STREAM,
    SETTING,
    SETTINGS,
    UINT,
    WINDOW_UPDATE,
    fields_of,
    frame,
    timeout_field,
    without_padding,
)
from gateway.proxy.wire.hpack import BadBlock, Fields, literal
from gateway.proxy.wire.reader import FrameReader

PLUGIN_HEADER = b"plugway-plugin"
_FLOOD = 10_000
"""Frames that bring no call forward, since the last answer. Late answers to calls that were given up
stay far below it."""

_LAST_STREAM = 2**30
_PING_EVERY = 20.0
_PING_WAIT = 10.0
_DEADLINE_EXCEEDED = b"4"
_LATE = "did not answer within its time"


Whole = tuple[bytes, bytes, bytes, bytes]
"""An answer with all that came with it: gRPC status, message, first and last header block."""


class _Stream:
    __slots__ = ("answer", "begun", "deadline", "head", "parts", "size", "whole")

    def __init__(self, answer: asyncio.Future[Any], deadline: float, *, whole: bool) -> None:
        self.answer = answer
        self.deadline = deadline
        self.whole = whole
        self.head = b""
        self.parts: list[bytes] = []
        self.size = 0
        self.begun = False

    def fail(self, failed: CallFailed) -> None:
        if not self.answer.done():
            self.answer.set_exception(failed)


class Connection(FrameReader):
    """Calls on one connection, most of them of one method. ``usable`` is whether it takes new ones."""

    def __init__(
        self, path: bytes, authority: bytes, scheme: bytes, *, pings: bool, plugin: bytes = b""
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
        self._heads: dict[bytes, bytes] = {}
        self._head = self._head_of(path)
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made
        self._streams: dict[int, _Stream] = {}
        self._next = 1
        self._window = 65535
        self._stream_window = 65535
        self._max_frame = FRAME_LIMIT
        self._max_streams = 2**31
        self._unacknowledged = 0
        self._idle_frames = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._pings = pings
        self._ping_timer: asyncio.TimerHandle | None = None
        self._pong_due = False
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

    async def call(self, message: bytes, within: float) -> bytes:
        """Send a message that fits; returns the answer's message, raises :class:`CallFailed`."""
        stream_id, answer = self._send(message, within, self._head, whole=False)
        try:
            return await answer  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            self._reset(stream_id)
            raise

    async def ask(self, path: bytes, metadata: bytes, message: bytes, within: float) -> Whole:
        """The same for any method, with more header fields; a status of the plugin's own is an answer."""
        head = self._heads.get(path) or self._heads.setdefault(path, self._head_of(path))
        stream_id, answer = self._send(message, within, head + metadata, whole=True)
        try:
            return await answer  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            self._reset(stream_id)
            raise

    def _head_of(self, path: bytes) -> bytes:
        return self._before + literal(b":path", path) + self._after

    def _send(
        self, message: bytes, within: float, head: bytes, *, whole: bool
    ) -> tuple[int, asyncio.Future[Any]]:
        stream_id = self._next
        self._next = stream_id + 2
        if stream_id >= _LAST_STREAM:
            self.usable = False
        answer: asyncio.Future[Any] = self._loop.create_future()
        deadline = self._loop.time() + within
        self._streams[stream_id] = _Stream(answer, deadline, whole=whole)
        if self._timer is None or deadline < self._timer_at:
            self._arm(deadline)
        size = len(message)
        self._window -= size + 5
        block = head + timeout_field(within)
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
        return stream_id, answer

    def close(self) -> None:
        """Close; running calls fail as lost."""
        self.usable = False
        if not self._transport.is_closing():
            self._transport.write(frame(GOAWAY, 0, 0, UINT.pack(0) + UINT.pack(NO_ERROR)))
            self._transport.close()

    def close_when_idle(self) -> None:
        self.usable = False
        if not self._streams:
            self.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(PREFACE)
        self.usable = True
        if self._pings:
            self._ping_timer = self._loop.call_later(_PING_EVERY, self._ping)

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        for timer in (self._timer, self._ping_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._ping_timer = None
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.fail(CallFailed(Failure.LOST, "went away during the call"))

    # Frames

    def _on_data(self, stream_id: int, flags: int, payload: bytes) -> None:
        self._unacknowledged += len(payload)
        if self._unacknowledged > CONNECTION_WINDOW // 2:
            self._transport.write(frame(WINDOW_UPDATE, 0, 0, UINT.pack(self._unacknowledged)))
            self._unacknowledged = 0
        stream = self._streams.get(stream_id)
        if stream is None:
            self._idle()
            return
        if flags & PADDED:
            payload = without_padding(PADDED, payload)
        if not payload and not flags & END_STREAM:
            self._idle()
            return
        stream.size += len(payload)
        if stream.size > MAX_ANSWER:
            stream.fail(CallFailed(Failure.GARBAGE, "sent an answer that is too long for one message"))
            self._reset(stream_id)
            return
        stream.parts.append(payload)
        if flags & END_STREAM:
            self._end(stream_id, CallFailed(Failure.GARBAGE, "ended the call without a status"))

    def _on_block(self, stream_id: int, flags: int, block: bytes) -> None:
        stream = self._streams.get(stream_id)
        if stream is None or (stream.begun and not flags & END_STREAM):
            self._idle()
            return
        fields = fields_of(block)
        if not stream.begun:
            stream.begun = True
            stream.head = block
            if fields.status != b"200":
                self._end(stream_id, CallFailed(Failure.GARBAGE, "does not speak gRPC"))
                return
        if flags & END_STREAM:
            self._finish(stream_id, stream, fields, block)

    def _finish(self, stream_id: int, stream: _Stream, fields: Fields, block: bytes) -> None:
        self._idle_frames = 0
        status = fields.grpc_status
        if status != b"0":
            late = status == _DEADLINE_EXCEEDED and self._loop.time() >= stream.deadline
            if stream.whole and status and not fields.refused and not late:
                self._answer(stream_id, stream, (status, b"", stream.head, block))
            else:
                self._end(stream_id, refused() if fields.refused else from_status(status))
            return
        parts = stream.parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        if len(data) < 5 or data[0] or len(data) - 5 != UINT.unpack_from(data, 1)[0]:
            self._end(stream_id, CallFailed(Failure.GARBAGE, "answered with something else than one message"))
            return
        message = data[5:]
        self._answer(stream_id, stream, (status, message, stream.head, block) if stream.whole else message)

    def _answer(self, stream_id: int, stream: _Stream, answer: bytes | Whole) -> None:
        del self._streams[stream_id]
        if not stream.answer.done():
            stream.answer.set_result(answer)
        if not self.usable and not self._streams:
            self.close()

    def _end(self, stream_id: int, failed: CallFailed) -> None:
        stream = self._streams.pop(stream_id, None)
        if stream is not None:
            # The plugin knows the deadline too, and may break off a moment before our own timer does.
            late = self._loop.time() >= stream.deadline
            stream.fail(CallFailed(Failure.TIMED_OUT, _LATE) if late else failed)
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
            raise BadBlock("a flood of frames that say nothing")

    def _on_control(self, kind: int, stream_id: int, flags: int, payload: bytes) -> None:
        self._idle()
        if kind == SETTINGS and not flags & ACK:
            self._on_settings(payload)
        elif kind == PING:
            self._pong_due = self._pong_due and not flags & ACK
            if not flags & ACK:
                self._transport.write(frame(PING, ACK, 0, payload))
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
            stream.fail(CallFailed(Failure.TIMED_OUT, _LATE))
            self._reset(stream_id)
        if self._streams:
            self._arm(min(stream.deadline for stream in self._streams.values()))

    def _ping(self) -> None:
        """TCP may be half open: without a ping that shows only after many minutes."""
        if self._pong_due:
            self._transport.abort()
            return
        self._pong_due = bool(self._streams)
        if self._pong_due:
            self._transport.write(frame(PING, 0, 0, b"plugway\0"))
        self._ping_timer = self._loop.call_later(_PING_WAIT if self._pong_due else _PING_EVERY, self._ping)
