"""One HTTP/2 connection to a plugin for gRPC that is passed on as it is, frame by frame.

The messages are neither taken apart nor counted: what a client compressed, or sent in one message of
100 MiB, is between it and the plugin. Sizes in bytes, times in seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any

from h2.config import H2Configuration
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    PingAckReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings
from hpack import Encoder

from gateway.model import Endpoint
from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.http2.lasting import LastingConnection
from gateway.proxy.wire.dial import connect
from gateway.proxy.wire.hpack import literal
from gateway.proxy.wire.session import PLUGIN_HEADER

Pairs = list[tuple[bytes, bytes]]

STREAM_WINDOW = 256 * 1024
_CONNECTION_WINDOW = 4 * 2**20
_FRAME = 64 * 1024
_TURN = 64 * 1024
_MAX_HEAD = 64 * 1024
_LAST_STREAM = 2**30
_UNTAKEN = 4 * 2**20
"""Bytes of answers to control frames that a plugin may leave untaken."""
_PING_EVERY = 20.0
_PING_WAIT = 10.0


async def dial_duplex(endpoint: Endpoint) -> Duplex:
    """Raises :class:`CallFailed`, as refused."""
    return await connect(
        endpoint, lambda authority, scheme, pings: Duplex(authority, scheme, endpoint.plugin, pings=pings)
    )


class _Plain(Encoder):
    """Header blocks without compression, which would cost more than the bytes: most never come again."""

    def encode(self, headers: Any, huffman: bool = False) -> bytes:
        # The library's own says first what has become of the table's size.
        return b"".join((super().encode(()), *(literal(name, value) for name, value in headers)))


class Duplex(asyncio.Protocol):
    """``usable`` is whether it takes new calls."""

    def __init__(self, authority: bytes, scheme: bytes, plugin: str, *, pings: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._before: Pairs = [(b":method", b"POST"), (b":scheme", scheme)]
        self._after: Pairs = [(b":authority", authority), (b"te", b"trailers")]
        if plugin:
            self._after.append((PLUGIN_HEADER, plugin.encode()))
        # What goes out was judged before, and is in lower case.
        self._h2 = LastingConnection(
            H2Configuration(
                client_side=True,
                header_encoding=None,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self._h2.encoder = _Plain()
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # until connection_made
        self._streams: dict[int, DuplexStream] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._flushing = False
        self._counted = 0
        self._pings = pings
        self._ping_timer: asyncio.TimerHandle | None = None
        self._pong_due = False
        self.drained = asyncio.Event()
        self.drained.set()
        self.usable = False

    # Calls

    async def open(self, path: bytes, fields: Pairs) -> DuplexStream:
        """Begin a call, as soon as the plugin takes one more; raises :class:`CallFailed`, as refused."""
        while self.usable and len(self._streams) >= self._h2.remote_settings.max_concurrent_streams:
            place = self._loop.create_future()
            self._waiting.append(place)
            await place
        if not self.usable:
            raise CallFailed(Failure.REFUSED, "takes no more calls on this connection")
        number = self._h2.get_next_available_stream_id()
        if number >= _LAST_STREAM:
            self.usable = False
        try:
            self._h2.send_headers(number, [*self._before, (b":path", path), *self._after, *fields])
        except H2Error as error:
            raise CallFailed(Failure.REFUSED, f"takes no more calls ({error})") from None
        stream = self._streams[number] = DuplexStream(self, number)
        self._flush_soon()
        return stream

    def close(self) -> None:
        """Close; running calls fail as lost."""
        self.usable = False
        if self._transport.is_closing():
            return
        with contextlib.suppress(H2Error):
            self._h2.close_connection()
        self._flush()
        self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's are no subclasses of asyncio's
        self._h2.local_settings = Settings(
            client=True,
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.MAX_HEADER_LIST_SIZE: _MAX_HEAD,
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
                SettingCodes.MAX_FRAME_SIZE: _FRAME,
            },
        )
        self._h2.max_inbound_frame_size = _FRAME
        self._h2.decoder.max_header_list_size = _MAX_HEAD
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_CONNECTION_WINDOW - 65535)
        self.usable = True
        self._flush()
        if self._pings:
            self._ping_timer = self._loop.call_later(_PING_EVERY, self._ping)

    def data_received(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        try:
            for event in self._h2.receive_data(data):
                if (act := _ACTS.get(type(event))) is not None:
                    act(self, event)
        except H2Error as error:
            self._fail_all(CallFailed(Failure.GARBAGE, f"broke the rules of HTTP/2 ({error})"))
            self._transport.abort()
            return
        self._flush_soon()
        if self._transport.get_write_buffer_size() > _UNTAKEN:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        if self._ping_timer is not None:
            self._ping_timer.cancel()
            self._ping_timer = None
        self._fail_all(CallFailed(Failure.LOST, "went away during the call"))
        self.drained.set()

    def pause_writing(self) -> None:
        self.drained.clear()

    def resume_writing(self) -> None:
        self.drained.set()

    # Events

    def _headed(self, event: ResponseReceived) -> None:
        if (stream := self._streams.get(event.stream_id or 0)) is not None:
            fields: Any = event.headers
            stream.headed(fields, ended=event.stream_ended is not None)

    def _trailed(self, event: TrailersReceived) -> None:
        if (stream := self._streams.get(event.stream_id or 0)) is not None:
            fields: Any = event.headers
            stream.trailed(fields)

    def _data(self, event: DataReceived) -> None:
        counted = event.flow_controlled_length or 0
        # The connection's window widens at once, so that a client who reads nothing holds up no other's call;
        # the call's own when its client has taken the data.
        self._counted += counted
        if self._counted >= _CONNECTION_WINDOW // 2:
            self._h2.increment_flow_control_window(self._counted)
            self._counted = 0
        if (stream := self._streams.get(event.stream_id or 0)) is not None:
            stream.feed(event.data or b"", counted)

    def _ended(self, event: StreamEnded) -> None:
        if (stream := self._streams.get(event.stream_id or 0)) is not None:
            stream.finished()

    def _reset(self, event: StreamReset) -> None:
        if (stream := self._streams.get(event.stream_id or 0)) is not None:
            refused = event.error_code == ErrorCodes.REFUSED_STREAM
            stream.fail(CallFailed(Failure.REFUSED if refused else Failure.LOST, "broke the call off"))

    def _widened(self, event: WindowUpdated) -> None:
        if event.stream_id:
            if (stream := self._streams.get(event.stream_id)) is not None:
                stream.wake()
            return
        self._wake_all()

    def _settings(self, event: RemoteSettingsChanged) -> None:
        self._wake_all()
        self._pass_places()

    def _terminated(self, event: ConnectionTerminated) -> None:
        self.usable = False
        self._pass_places()
        for number, stream in self._streams.items():
            if number > (event.last_stream_id or 0):
                stream.fail(CallFailed(Failure.REFUSED, "takes no more calls on this connection"))
        self._close_if_done()

    def _ponged(self, event: PingAckReceived) -> None:
        self._pong_due = False

    # The streams' side

    def window(self, number: int) -> int:
        try:
            return self._h2.local_flow_control_window(number)
        except H2Error:
            return 0

    def send_data(self, number: int, data: memoryview, *, ends: bool) -> int:
        """Send what windows and a turn allow; returns the number of bytes. ``ends`` where it is all."""
        frame, sent = min(self._h2.max_outbound_frame_size, _FRAME), 0
        with contextlib.suppress(H2Error):
            while sent < min(len(data), _TURN):
                size = min(self.window(number), frame, len(data) - sent, _TURN - sent)
                if size <= 0:
                    break
                last = ends and sent + size == len(data)
                self._h2.send_data(number, data[sent : sent + size].tobytes(), end_stream=last)
                sent += size
        self._flush_soon()
        return sent

    def send_end(self, number: int) -> None:
        with contextlib.suppress(H2Error):
            self._h2.end_stream(number)
            self._flush_soon()

    def acknowledge(self, number: int, counted: int) -> None:
        """So much was taken, and may come again on this call."""
        with contextlib.suppress(H2Error):
            self._h2.increment_flow_control_window(counted, number)
            self._flush_soon()

    def closed(self, number: int, *, reset: bool) -> None:
        """Nobody waits for this call any more."""
        if self._streams.pop(number, None) is None:
            return
        if reset:
            with contextlib.suppress(H2Error):
                self._h2.reset_stream(number, ErrorCodes.CANCEL)
                self._flush_soon()
        self._pass_places()
        self._close_if_done()

    # Output and ends

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

    def _wake_all(self) -> None:
        for stream in self._streams.values():
            stream.wake()

    def _pass_places(self) -> None:
        """Those who wait look again, each by itself."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)

    def _fail_all(self, failed: CallFailed) -> None:
        self.usable = False
        for stream in self._streams.values():
            stream.fail(failed)
        self._pass_places()

    def _close_if_done(self) -> None:
        if not self.usable and not self._streams:
            self.close()

    def _ping(self) -> None:
        """TCP may be half open: without a ping that shows only after many minutes."""
        if self._pong_due:
            self._transport.abort()
            return
        self._pong_due = bool(self._streams)
        if self._pong_due:
            with contextlib.suppress(H2Error):
                self._h2.ping(b"plugway\0")
                self._flush_soon()
        self._ping_timer = self._loop.call_later(_PING_WAIT if self._pong_due else _PING_EVERY, self._ping)


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


_ACTS: dict[type[Event], Callable[[Duplex, Any], None]] = {
    ResponseReceived: Duplex._headed,
    TrailersReceived: Duplex._trailed,
    DataReceived: Duplex._data,
    StreamEnded: Duplex._ended,
    StreamReset: Duplex._reset,
    WindowUpdated: Duplex._widened,
    RemoteSettingsChanged: Duplex._settings,
    ConnectionTerminated: Duplex._terminated,
    PingAckReceived: Duplex._ponged,
}
