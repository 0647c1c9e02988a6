"""Answers of many messages on HTTP/2 connections of their own: one message out, a stream of them in.

What costs memory is what waits, and most of these wait: a stream that is silent is one small object and one
future. Sizes in bytes, times in seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
from math import inf

from gateway.model import Endpoint
from gateway.proxy.failures import CallFailed, Failure, from_status, refused
from gateway.proxy.wire.dial import CONNECT_SECONDS, connect
from gateway.proxy.wire.frames import (
    CANCEL,
    END_STREAM,
    FLOW_CONTROL_ERROR,
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
from gateway.proxy.wire.session import Session

READ_BODY = b"/plugway.plugin.v1.PluginService/ReadBody"
WINDOW = 256 * 1024
"""What a plugin may send on one stream ahead of its client."""

_FAR_WINDOW = 1024 * 1024
"""The same over a network, where what is under way counts too."""

MAX_MESSAGE = 16 * 2**20
"""Longest message, as for all others from a plugin."""

_TURN = 64
"""Messages that are read without letting others have their turn."""

_UNTAKEN = 2**20
"""Bytes of answers to control frames that a plugin may leave untaken."""

_LONGEST_REQUEST = FRAME_LIMIT - 5
_PREFIX = 5


class BodyStream:
    """One call. It must be closed, read or not."""

    __slots__ = (
        "_buffer", "_connection", "_credit", "_ended", "_failed", "_silence", "_turn", "_waiter", "begun",
        "deadline", "number",
    )  # fmt: skip

    def __init__(self, connection: BodyConnection, credit: int) -> None:
        self._connection = connection
        self._buffer = bytearray()
        # What the plugin may still send.
        self._credit = credit
        self._ended = False
        self._failed: CallFailed | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._silence = 0.0
        self._turn = 0
        self.begun = False
        self.deadline = inf
        self.number = 0

    # The connection's side

    def feed(self, payload: bytes, counted: int) -> bool:
        """Whether so much was allowed."""
        self._credit -= counted
        if self._credit < 0:
            return False
        self._buffer += payload
        self._wake()
        return True

    def finish(self) -> None:
        self._ended = True
        self._wake()

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
        return len(self._buffer)

    async def read(self, idle: float) -> bytearray | None:
        """The next message; None at the end. Raises :class:`CallFailed`, too after ``idle`` of silence."""
        connection, deadline = self._connection, inf
        while True:
            message, need = self._take()
            if message is not None:
                self._turn += 1
                if self._turn == _TURN:
                    # Thousands of short ones may lie here, and nothing else waits in between.
                    self._turn = 0
                    await asyncio.sleep(0)
                return message
            if self._failed is not None:
                raise self._failed
            if self._ended:
                if self._buffer:
                    raise CallFailed(Failure.GARBAGE, "ended its answer within a message")
                return None
            self._widen(need)
            if deadline == inf:
                deadline = connection.deadline_of(idle)
            self._silence, self.deadline = idle, deadline
            self._waiter = connection.future()
            self._turn = 0
            try:
                await self._waiter
            finally:
                self._waiter, self.deadline = None, inf

    def _take(self) -> tuple[bytearray | None, int]:
        """The next message, or None and how many bytes there must be until there is one."""
        buffer, need = self._buffer, _PREFIX
        if len(buffer) >= need:
            need += UINT.unpack_from(buffer, 1)[0]
            if buffer[0] or need > MAX_MESSAGE + _PREFIX:
                raise CallFailed(Failure.GARBAGE, "sent a message that is too long, or compressed")
            if len(buffer) >= need:
                message = buffer[_PREFIX:need]
                del buffer[:need]
                self._widen(0)
                return message, 0
        return None, need

    def _widen(self, need: int) -> None:
        """Let the plugin go on where what it sent was taken, or is less than one message."""
        if self._ended or self._failed is not None:
            return
        held, window = len(self._buffer), self._connection.window
        more = max(window, need) - held - self._credit
        if more >= window // 4 or self._credit < need - held:
            self._credit += more
            self._connection.widen(self.number, more)

    def close(self) -> None:
        """Break it off where it has not ended. Whoever reads meanwhile is told."""
        self._connection.let_go(self.number)
        self.fail(CallFailed(Failure.LOST, "is not waited for"))
        self._buffer = bytearray()


class BodyConnection(Session[BodyStream]):
    """``ready`` is done when the plugin has said how much it takes, or is gone."""

    slack = 0.1

    def __init__(self, authority: bytes, scheme: bytes, *, pings: bool, plugin: bytes) -> None:
        self.window = _FAR_WINDOW if pings else WINDOW
        super().__init__(authority, scheme, pings=pings, plugin=plugin, preface=preface(self.window))
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
        super().data_received(data)
        # Parts of an answer may stand between its control frames for ever, so counting these says nothing.
        if not self._transport.is_closing() and self._transport.get_write_buffer_size() > _UNTAKEN:
            self._break("takes no answers to its control frames")

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
        if not stream.feed(payload, counted):
            self._give_up(stream_id, FLOW_CONTROL_ERROR, "sent more than it was allowed to")
        elif flags & END_STREAM:
            self._end(stream_id, CallFailed(Failure.GARBAGE, "ended the call without a status"))

    def _on_block(self, stream_id: int, flags: int, block: bytes) -> None:
        stream = self._streams.get(stream_id)
        if stream is None or (stream.begun and not flags & END_STREAM):
            self._idle()
            return
        fields = fields_of(block)
        if not stream.begun and fields.status != b"200":
            self._give_up(stream_id, CANCEL, "does not speak gRPC")
            return
        stream.begun = True
        if not flags & END_STREAM:
            return
        self._idle_frames = 0
        if fields.grpc_status == b"0":
            stream.finish()
        self._end(stream_id, refused() if fields.refused else from_status(fields.grpc_status))

    def _give_up(self, stream_id: int, code: int, words: str) -> None:
        self._transport.write(frame(RST_STREAM, 0, stream_id, UINT.pack(code)))
        self._end(stream_id, CallFailed(Failure.GARBAGE, words))


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
