"""Answers of many messages on HTTP/2 connections of their own: one message out, a stream of them in.

What costs memory is what waits, and most of these wait: a stream that is silent is one small object and one
future. Sizes in bytes, times in seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from math import inf

from plugway.plugin.v1.http_pb2 import HttpHeader

from gateway.model import Endpoint
from gateway.proxy.failures import CallFailed, Failure, from_status, refused
from gateway.proxy.wire.dial import CONNECT_SECONDS, connect
from gateway.proxy.wire.frames import (
    CANCEL,
    DATA,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    FRAME,
    FRAME_LIMIT,
    PADDED,
    RST_STREAM,
    UINT,
    WINDOW_UPDATE,
    fields_of,
    frame,
    preface,
    timeout_field,
    without_padding,
)
from gateway.proxy.wire.hpack import BadBlock
from gateway.proxy.wire.parts import BodyParts
from gateway.proxy.wire.session import Session

READ_BODY = b"/plugway.plugin.v1.PluginService/ReadBody"
WINDOW = 256 * 1024
"""What a plugin may send on one stream ahead of its client."""

LONG_WINDOW = 1024 * 1024
"""The same over a network, where what is under way counts too, and of a long answer: each widening costs
either side about as much as 16 KiB."""

_LONG = 4 * WINDOW
"""What a client took shows a long answer, and that it is taken."""

_UNTAKEN = 2**20
"""Bytes of answers to control frames that a plugin may leave untaken."""

_LONGEST_FRAME = 2**20
"""Parts of a DATA frame are passed on as they come, so long ones cost no memory, and less time."""

_HEAD = FRAME.size
_LONGEST_REQUEST = FRAME_LIMIT - 5


class BodyStream:
    """One call. It must be closed, read or not."""

    __slots__ = (
        "_connection", "_credit", "_ended", "_failed", "_parts", "_silence", "_taken", "_waiter", "begun",
        "deadline", "number",
    )  # fmt: skip

    def __init__(self, connection: BodyConnection, credit: int) -> None:
        self._connection = connection
        self._parts = BodyParts()
        # What the plugin may still send.
        self._credit = credit
        self._ended = False
        self._failed: CallFailed | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._silence = 0.0
        self._taken = 0
        self.begun = False
        self.deadline = inf
        self.number = 0

    # The connection's side

    def feed(self, payload: bytes, counted: int) -> bool:
        """Whether so much was allowed. Raises :class:`CallFailed` for what is no message."""
        self._credit -= counted
        if self._credit < 0:
            return False
        self._parts.feed(payload)
        self._wake()
        return True

    def finish(self) -> None:
        if self._parts.between:
            self._ended = True
            self._wake()
        else:
            self.fail(CallFailed(Failure.GARBAGE, "ended its answer within a message"))

    def fail(self, failed: CallFailed) -> None:
        if not self._ended and self._failed is None:
            self._failed = failed
            self._wake()

    def timed_out(self) -> CallFailed:
        return CallFailed(Failure.TIMED_OUT, f"was silent for {self._silence:g} seconds")

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # The caller's side

    @property
    def held(self) -> int:
        """Bytes that came and were not read."""
        return self._parts.held

    @property
    def trailers(self) -> Sequence[HttpHeader]:
        """What the last message had of them."""
        return self._parts.trailers

    async def read(self, idle: float) -> bytes | None:
        """All that came of the body since; None at its end.

        Raises :class:`CallFailed`, too after ``idle`` of silence.
        """
        connection = self._connection
        while True:
            taken = self._parts.take()
            if self._failed is None and not self._ended:
                self._widen(len(taken))
            if taken:
                return taken
            if self._failed is not None:
                raise self._failed
            if self._ended:
                return None
            self._silence, self.deadline = idle, connection.deadline_of(idle)
            self._waiter = connection.future()
            try:
                await self._waiter
            finally:
                self._waiter, self.deadline = None, inf

    def _widen(self, taken: int) -> None:
        """Let the plugin go on, as what it sent was taken."""
        self._taken += taken
        window = self._connection.window if self._taken < _LONG else LONG_WINDOW
        more = window - self._credit
        if more >= window // 2:
            self._credit += more
            self._connection.widen(self.number, more)

    def close(self) -> None:
        """Break it off where it has not ended. Whoever reads meanwhile is told."""
        self._connection.let_go(self.number)
        self.fail(CallFailed(Failure.LOST, "is not waited for"))
        self._parts = BodyParts()


class BodyConnection(Session[BodyStream]):
    """``ready`` is done when the plugin has said how much it takes, or is gone."""

    slack = 0.1
    longest_frame = _LONGEST_FRAME

    def __init__(self, authority: bytes, scheme: bytes, *, pings: bool, plugin: bytes) -> None:
        self.window = LONG_WINDOW if pings else WINDOW
        opening = preface(self.window, _LONGEST_FRAME)
        super().__init__(authority, scheme, pings=pings, plugin=plugin, preface=opening)
        self._to_come = 0
        self._frame = (0, 0)
        self._head = self._head_of(READ_BODY)
        self.ready = self.future()
        self.lost = False

    def begin(self, message: bytes, within: float) -> BodyStream:
        """Send a message that fits; ``within`` is the plugin's time for all of it, 0 where it has no end."""
        stream = BodyStream(self, self.window)
        head = self._head + timeout_field(within) if within else self._head
        stream.number = self._begin(stream, head, message)
        return stream

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        super().connection_lost(exc)
        self._be_ready()

    def _be_ready(self) -> None:
        if not self.ready.done():
            self.ready.set_result(None)

    def _on_settings(self, payload: bytes) -> None:
        super()._on_settings(payload)
        self._be_ready()

    # The streams' side

    def future(self) -> asyncio.Future[None]:
        return self._loop.create_future()

    def deadline_of(self, idle: float) -> float:
        """When a silence that begins now is too long; it is watched for."""
        deadline = self._loop.time() + idle
        self._watch(deadline)
        return deadline

    def widen(self, number: int, size: int) -> None:
        if not self._transport.is_closing():
            self._transport.write(frame(WINDOW_UPDATE, 0, number, UINT.pack(size)))

    def let_go(self, number: int) -> None:
        self._reset(number)

    # Frames

    def data_received(self, data: bytes) -> None:
        try:
            if self._to_come:
                data = self._go_on(data)
            super().data_received(data)
            if self._buffer and not self._transport.is_closing():
                self._begin_data()
        except BadBlock as error:
            self._break(str(error))
        # Parts of an answer may stand between its control frames for ever, so counting these says nothing.
        if not self._transport.is_closing() and self._transport.get_write_buffer_size() > _UNTAKEN:
            self._break("takes no answers to its control frames")

    def _begin_data(self) -> None:
        """Of a DATA frame that is not whole, what is here goes on at once; the rest is :attr:`_to_come`."""
        data = self._buffer
        if len(data) <= _HEAD or data[3] != DATA or data[4] & PADDED:
            return
        word, flags, stream_id = FRAME.unpack_from(data)
        self._buffer = b""
        self._to_come, self._frame = (word >> 8) - (len(data) - _HEAD), (flags, stream_id)
        self._on_data(stream_id, flags & ~END_STREAM, data[_HEAD:])

    def _go_on(self, data: bytes) -> bytes:
        """Take what belongs to the DATA frame that has begun; returns what follows it."""
        flags, stream_id = self._frame
        size = min(self._to_come, len(data))
        self._to_come -= size
        last = flags if not self._to_come else flags & ~END_STREAM
        # A slice that is the whole is no copy.
        self._on_data(stream_id, last, data[:size])
        return data[size:]

    def _on_data(self, stream_id: int, flags: int, payload: bytes) -> None:
        counted = len(payload)
        self._count(counted)
        stream = self._streams.get(stream_id)
        if stream is None:
            self._idle()
            return
        if flags & PADDED:
            payload = without_padding(PADDED, payload)
        if payload:
            self._idle_frames = 0
        else:
            self._idle()
        try:
            allowed = stream.feed(payload, counted)
        except CallFailed as failed:
            self._give_up(stream_id, CANCEL, failed)
            return
        if not allowed:
            why = CallFailed(Failure.GARBAGE, "sent more than it was allowed to")
            self._give_up(stream_id, FLOW_CONTROL_ERROR, why)
        elif flags & END_STREAM:
            self._end(stream_id, CallFailed(Failure.GARBAGE, "ended the call without a status"))

    def _on_block(self, stream_id: int, flags: int, block: bytes) -> None:
        stream = self._streams.get(stream_id)
        if stream is None or (stream.begun and not flags & END_STREAM):
            self._idle()
            return
        fields = fields_of(block)
        if not stream.begun and fields.status != b"200":
            why = CallFailed(Failure.GARBAGE, "does not speak gRPC")
            self._give_up(stream_id, CANCEL, why)
            return
        stream.begun = True
        if not flags & END_STREAM:
            return
        self._idle_frames = 0
        if fields.grpc_status == b"0":
            stream.finish()  # What is told to it after that does not count.
        self._end(stream_id, refused() if fields.refused else from_status(fields.grpc_status))

    def _give_up(self, stream_id: int, code: int, why: CallFailed) -> None:
        self._transport.write(frame(RST_STREAM, 0, stream_id, UINT.pack(code)))
        self._end(stream_id, why)


class Bodies:
    """As many connections to one endpoint as its streams need."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connections: list[BodyConnection] = []
        self._dialling: asyncio.Task[None] | None = None
        self._closed = False

    async def begin(self, message: bytes, within: float = 0.0) -> BodyStream:
        """Begin a call where there is room for it; raises :class:`CallFailed`."""
        if len(message) > _LONGEST_REQUEST:
            raise CallFailed(Failure.GARBAGE, "named the rest of its answer by too long a token")
        while True:
            for connection in self._connections:
                if connection.usable and connection.fits(len(message)):
                    return connection.begin(message, within)
            if self._dialling is None or self._dialling.done():
                self._dialling = asyncio.create_task(self._dial())
            # Shielded, as a client that leaves must not end the attempt of the others.
            await asyncio.shield(self._dialling)

    async def _dial(self) -> None:
        plugin = self._endpoint.plugin.encode()
        connection = await connect(
            self._endpoint,
            lambda authority, scheme, pings: BodyConnection(authority, scheme, pings=pings, plugin=plugin),
        )
        # Else a burst of streams would go beyond the number that it is about to allow. One that is too busy
        # to say so is taken as it is: how long it may be silent is the stream's to know.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):
                await connection.ready
        if self._closed or not connection.usable or not connection.fits(_LONGEST_REQUEST):
            connection.close()
            raise CallFailed(Failure.REFUSED, "takes no calls on its connection")
        # Those that take no more may still carry streams, and are closed with the others.
        self._connections = [one for one in self._connections if not one.lost]
        self._connections.append(connection)

    def close(self) -> None:
        """Close all; running calls fail as lost."""
        self._closed = True
        for connection in self._connections:
            connection.close()
