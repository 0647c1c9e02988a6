"""Calls that are streams, on HTTP/2 connections of their own. Sizes in bytes, times in seconds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import cast

from gateway.model import Endpoint
from gateway.proxy.failures import CallFailed, Failure, from_status, refused
from gateway.proxy.wire.bodies import READ_BODY, WINDOW, BodyStream
from gateway.proxy.wire.dial import CONNECT_SECONDS, connect
from gateway.proxy.wire.exchanges import EXCHANGE, ExchangeStream, Piece
from gateway.proxy.wire.frames import (
    CANCEL,
    DATA,
    END_HEADERS,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    FRAME,
    FRAME_LIMIT,
    HEADERS,
    NO_ERROR,
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
from gateway.proxy.wire.incoming import LONG_WINDOW, Incoming
from gateway.proxy.wire.session import Session

_UNTAKEN = 2**20
"""Bytes of answers to control frames that a plugin may leave untaken."""

_LONGEST_FRAME = 2**20
"""Parts of a DATA frame are passed on as they come, so long ones cost no memory, and less time."""

_LONG_READ = 16 * 1024
"""Bytes; below that, a copy costs no more than a view."""

_A_FRAME = 512
"""Bytes that were sent and make up for one control frame."""

_HEAD = FRAME.size
_LONGEST_REQUEST = FRAME_LIMIT - 5


class StreamConnection(Session[Incoming]):
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
        self._exchange = self._head_of(EXCHANGE)
        self._paused = False
        self._waiting: set[asyncio.Future[None]] = set()
        self.ready = self.future()
        self.lost = False

    def begin(self, message: bytes, within: float) -> BodyStream:
        """Send a message that fits; ``within`` is the plugin's time for all of it, 0 where it has no end."""
        stream = BodyStream(self, self.window)
        head = self._head + timeout_field(within) if within else self._head
        stream.number = self._begin(stream, head, message)
        return stream

    @property
    def has_place(self) -> bool:
        """Whether the plugin takes one more call."""
        return len(self._streams) < self._max_streams

    def open(self) -> ExchangeStream:
        """Begin an exchange, for which there is a place."""
        stream = ExchangeStream(self, self.window, self._stream_window)
        number = stream.number = self._enter(stream)
        self._transport.write(frame(HEADERS, END_HEADERS, number, self._exchange))
        return stream

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        super().connection_lost(exc)
        self._be_ready()

    def _be_ready(self) -> None:
        if not self.ready.done():
            self.ready.set_result(None)

    def _on_settings(self, payload: bytes) -> None:
        before = self._stream_window
        super()._on_settings(payload)
        self._be_ready()
        if more := self._stream_window - before:
            for stream in self._streams.values():
                stream.widened(more)

    def _on_control(self, kind: int, stream_id: int, flags: int, payload: bytes) -> None:
        payload = bytes(payload)
        super()._on_control(kind, stream_id, flags, payload)
        if kind != WINDOW_UPDATE:
            return
        if not stream_id:
            self._pass_room()
        elif (stream := self._streams.get(stream_id)) is not None:
            stream.widened(UINT.unpack(payload)[0] & 0x7FFFFFFF)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._pass_room()

    def _pass_room(self) -> None:
        """Those who wait look again, each by itself."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

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

    @property
    def room(self) -> int:
        return 0 if self._paused or self._transport.is_closing() else self._window

    @property
    def longest_sent(self) -> int:
        return self._max_frame

    def transmit(self, pieces: list[Piece], size: int) -> None:
        self._window -= size
        # A plugin that takes what it is sent has to say so.
        self._idle_frames = max(0, self._idle_frames - 1 - size // _A_FRAME)
        self._transport.writelines(pieces)

    def await_room(self, waiter: asyncio.Future[None]) -> None:
        self._waiting.add(waiter)
        # Also one whose caller has given up.
        waiter.add_done_callback(self._waiting.discard)

    # Frames

    def data_received(self, data: bytes) -> None:
        if len(data) > _LONG_READ and not self._buffer:
            # All that is cut from a long read is a view of it, which serves as bytes do until it is joined.
            data = cast("bytes", memoryview(data))
        try:
            if self._to_come:
                data = self._go_on(data)
            super().data_received(data)
            if self._buffer and not self._transport.is_closing():
                self._begin_data()
                self._buffer = bytes(self._buffer)
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
        self._on_data(stream_id, last, data[:size])
        return data[size:]

    def _on_headers(self, stream_id: int, flags: int, payload: bytes) -> None:
        super()._on_headers(stream_id, flags, bytes(payload))

    def _on_continuation(self, stream_id: int, flags: int, payload: bytes) -> None:
        super()._on_continuation(stream_id, flags, bytes(payload))

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
        stream.answered()
        if not flags & END_STREAM:
            return
        self._idle_frames = 0
        if fields.grpc_status == b"0":
            stream.finish()  # What is told to it after that does not count.
        if not stream.said_all:
            # Else the plugin would keep its half of the call.
            self._transport.write(frame(RST_STREAM, 0, stream_id, UINT.pack(NO_ERROR)))
        self._end(stream_id, refused() if fields.refused else from_status(fields.grpc_status))

    def _give_up(self, stream_id: int, code: int, why: CallFailed) -> None:
        self._transport.write(frame(RST_STREAM, 0, stream_id, UINT.pack(code)))
        self._end(stream_id, why)


class Streams:
    """As many connections to one endpoint as its streams need."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connections: list[StreamConnection] = []
        self._dialling: asyncio.Task[None] | None = None
        self._closed = False

    async def begin(self, message: bytes, within: float = 0.0) -> BodyStream:
        """Ask for the rest of an answer where there is room for it; raises :class:`CallFailed`."""
        size = len(message)
        if size > _LONGEST_REQUEST:
            raise CallFailed(Failure.GARBAGE, "named the rest of its answer by too long a token")
        return (await self._free(lambda connection: connection.fits(size))).begin(message, within)

    async def open(self) -> ExchangeStream:
        """Begin an exchange; raises :class:`CallFailed`, as refused."""
        return (await self._free(lambda connection: connection.has_place)).open()

    async def _free(self, suits: Callable[[StreamConnection], bool]) -> StreamConnection:
        while True:
            for connection in self._connections:
                if connection.usable and suits(connection):
                    return connection
            if self._dialling is None or self._dialling.done():
                self._dialling = asyncio.create_task(self._dial())
            # Shielded, as a client that leaves must not end the attempt of the others.
            await asyncio.shield(self._dialling)

    async def _dial(self) -> None:
        plugin = self._endpoint.plugin.encode()
        connection = await connect(
            self._endpoint,
            lambda authority, scheme, pings: StreamConnection(authority, scheme, pings=pings, plugin=plugin),
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
