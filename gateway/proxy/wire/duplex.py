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
from gateway.proxy.headers import Pairs
from gateway.proxy.http2.lasting import LastingConnection
from gateway.proxy.http2.protocol import (
    CONNECTION_WINDOW,
    FIRST_WINDOW,
    FRAME,
    STREAM_WINDOW,
    H2Protocol,
)
from gateway.proxy.wire.dial import connect
from gateway.proxy.wire.duplex_stream import DuplexStream
from gateway.proxy.wire.hpack import literal
from gateway.proxy.wire.pings import PAYLOAD, Pings
from gateway.proxy.wire.session import PLUGIN_HEADER

_MAX_HEAD = 64 * 1024
_LAST_STREAM = 2**30
_UNTAKEN = 4 * 2**20
"""Bytes of answers to control frames that a plugin may leave untaken."""


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


class Duplex(H2Protocol[DuplexStream]):
    """``usable`` is whether it takes new calls."""

    def __init__(self, authority: bytes, scheme: bytes, plugin: str, *, pings: bool) -> None:
        # What goes out was judged before, and is in lower case.
        as_it_is = H2Configuration(
            client_side=True,
            header_encoding=None,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        super().__init__(asyncio.get_running_loop(), LastingConnection(as_it_is))
        self._h2.encoder = _Plain()
        self._before: Pairs = [(b":method", b"POST"), (b":scheme", scheme)]
        self._after: Pairs = [(b":authority", authority), (b"te", b"trailers")]
        if plugin:
            self._after.append((PLUGIN_HEADER, plugin.encode()))
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._counted = 0
        self._pinged = pings
        self._pings: Pings | None = None
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
                SettingCodes.MAX_FRAME_SIZE: FRAME,
            },
        )
        self._h2.max_inbound_frame_size = FRAME
        self._h2.decoder.max_header_list_size = _MAX_HEAD
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(CONNECTION_WINDOW - FIRST_WINDOW)
        self.usable = True
        self._flush()
        if self._pinged:
            self._pings = Pings(
                self._loop, busy=lambda: bool(self._streams), send=self._ping, abort=self._transport.abort
            )

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
        if self._pings is not None:
            self._pings.stop()
            self._pings = None
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
        if self._counted >= CONNECTION_WINDOW // 2:
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
        if self._pings is not None:
            self._pings.answered()

    # The streams' side

    def send_data(self, number: int, data: memoryview, *, ends: bool) -> int:
        """Send what windows and a turn allow; returns the number of bytes. ``ends`` where it is all."""
        sent, _ = self._write(number, data, ends=ends)
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

    # Ends

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
        with contextlib.suppress(H2Error):
            self._h2.ping(PAYLOAD)
            self._flush_soon()


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
