"""One client's HTTP/2 connection: frames in and out by h2, calls to the ASGI application.

It takes what uvicorn gives every protocol, and is ended by it like any other. Times in
seconds, sizes in bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from h2.config import H2Configuration
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl

from gateway.proxy.headers import Pairs
from gateway.proxy.http2.lasting import LastingConnection
from gateway.proxy.http2.meter import Flooded, FrameMeter
from gateway.proxy.http2.protocol import CONNECTION_WINDOW, FIRST_WINDOW, STREAM_WINDOW, H2Protocol
from gateway.proxy.http2.scope import BadHead, http_scope
from gateway.proxy.http2.stream import Http2Stream
from gateway.proxy.http2.turns import Turns
from gateway.proxy.refusals import refusal

log = logging.getLogger(__name__)

STREAMS = 100
"""Calls at once on one connection."""

_SMALL = 4 * 1024
_UNTAKEN = 2**20
"""Bytes of answers to control frames that a client may leave untaken; data waits before it gets here."""

_ENCODER_TABLE = 4096
"""Bytes for remembered headers; a client may ask for gigabytes."""


class Http2(H2Protocol[Http2Stream]):
    """Made by uvicorn or by :class:`gateway.proxy.opening.Opening`, with uvicorn's arguments."""

    max_head = 64 * 1024
    head_seconds = 15.0
    frame_seconds = 30.0
    stall_seconds = 300.0

    def __init__(
        self,
        config: Any,
        server_state: Any,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(
            _loop or asyncio.get_event_loop(),
            LastingConnection(H2Configuration(client_side=False, header_encoding=None)),
        )
        self._config = config
        self._server = server_state
        self._state = app_state
        self._meter = FrameMeter(2 * self.max_head, self._loop.time())
        self._closing = False
        self._idle: asyncio.TimerHandle | None = None
        self._pending: asyncio.TimerHandle | None = None
        self._progress = 0
        self.turns = Turns(self._loop)

    # asyncio's and uvicorn's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        self._server.connections.add(self)
        self._where = {
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.3"},
            "server": get_local_addr(self._transport),
            "client": get_remote_addr(self._transport),
            "scheme": "https" if is_ssl(self._transport) else "http",
            "root_path": self._config.root_path,
        }
        self._h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: STREAMS,
                SettingCodes.MAX_HEADER_LIST_SIZE: self.max_head,
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
            },
        )
        # Beyond the limit that answers 431; the state of the compression is lost with what is not read.
        self._h2.decoder.max_header_list_size = 2 * self.max_head
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(CONNECTION_WINDOW - FIRST_WINDOW)
        self._flush()
        self._rest(self.head_seconds)

    def data_received(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        try:
            self._meter.take(data, self._loop.time())
            for event in self._h2.receive_data(data):
                if (act := _ACTS.get(type(event))) is not None:
                    act(self, event)
        except Flooded as flooded:
            log.warning("a client sent %s; its connection is closed", flooded)
            self._close(ErrorCodes.ENHANCE_YOUR_CALM)
            return
        except H2Error as error:
            log.info("a client broke the rules of HTTP/2: %s", error)
            self._flush()
            self._transport.close()
            return
        self._flush()
        if self._transport.get_write_buffer_size() > _UNTAKEN:
            self._transport.abort()
            return
        self._watch_pending()

    def _watch_pending(self) -> None:
        """What is begun has to be complete in time, however slowly its bytes come."""
        if self._pending is not None and self._meter.progress != self._progress:
            self._pending.cancel()
            self._pending = None
        self._progress = self._meter.progress
        if self._pending is None and self._meter.pending:
            self._pending = self._loop.call_later(self.frame_seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._pending = None
        self._close(ErrorCodes.ENHANCE_YOUR_CALM)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        for timer in (self._idle, self._pending):
            if timer is not None:
                timer.cancel()
        for stream in list(self._streams.values()):
            stream.leave()
        self.turns.end()

    def pause_writing(self) -> None:
        self.turns.pause()

    def resume_writing(self) -> None:
        self.turns.resume()

    def shutdown(self) -> None:
        """Take no new calls; close when those that run have ended."""
        if self._transport.is_closing():
            return
        self._closing = True
        # Not by h2, which could not send the rest of the answers after it.
        frame = GoAwayFrame(0, last_stream_id=self._h2.highest_inbound_stream_id)
        self._transport.write(frame.serialize())
        self._close_if_done()

    # Events.

    def _opened(self, event: RequestReceived) -> None:
        number = event.stream_id
        assert number is not None
        # More than h2 counts, as the work of a call that was reset goes on for a while.
        if self._closing or len(self._streams) >= 2 * STREAMS:
            self.reset(number, ErrorCodes.REFUSED_STREAM)
            return
        ended = event.stream_ended is not None
        try:
            fields: Any = event.headers
            scope = http_scope(fields, ended, self.max_head)
        except BadHead as bad:
            self._refuse(number, bad.status)
            return
        scope.update(self._where, state=self._state.copy())
        stream = self._streams[number] = Http2Stream(self, number, scope, ended=ended)
        task = self._loop.create_task(stream.run(self._config.loaded_app))
        stream.task = task
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)
        task.add_done_callback(lambda _: self.finished(stream, number))
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _refuse(self, number: int, status: int) -> None:
        headers, body = refusal(status)
        self.send_head(number, [(b":status", b"%d" % status), *headers])
        with contextlib.suppress(H2Error):
            if self.window(number) >= len(body):
                self._h2.send_data(number, body)
            self._h2.end_stream(number)

    def _data(self, event: DataReceived) -> None:
        number, counted = event.stream_id, event.flow_controlled_length
        assert number is not None
        assert counted is not None
        stream = self._streams.get(number)
        if stream is None or stream.complete or stream.gone:
            self.acknowledge(number, counted)
        else:
            stream.feed(event.data or b"", counted)

    def _ended(self, event: StreamEnded) -> None:
        if (stream := self._streams.get(event.stream_id or 0)) is not None:
            stream.end()

    def _reset(self, event: StreamReset) -> None:
        if (stream := self._streams.get(event.stream_id or 0)) is not None:
            stream.leave()

    def _settings(self, event: RemoteSettingsChanged) -> None:
        if self._h2.encoder.header_table_size > _ENCODER_TABLE:
            self._h2.encoder.header_table_size = _ENCODER_TABLE
        self._wake_all()

    def _terminated(self, event: ConnectionTerminated) -> None:
        """It makes no new calls; those that run are answered."""
        self._closing = True
        if event.error_code != ErrorCodes.NO_ERROR:
            self._transport.close()
        else:
            self._close_if_done()

    # The streams' side.

    @property
    def default_headers(self) -> Pairs:
        headers: Pairs = self._server.default_headers
        return headers

    def send_head(self, number: int, fields: Pairs, *, ends: bool = False) -> None:
        with contextlib.suppress(H2Error):
            self._h2.send_headers(number, fields, end_stream=ends)
            self._flush_soon()

    def send_data(self, number: int, data: memoryview, *, ends: bool) -> int:
        """Send what windows and a turn allow; returns the number of bytes. ``ends`` where it is all."""
        sent, frames = self._write(number, data, ends=ends)
        self._meter.sent_data(frames)
        if sent == len(data) <= _SMALL:
            # Trailers, or the parts of other calls, may go with it.
            self._flush_soon()
        else:
            self._flush()
        return sent

    def send_end(self, number: int, trailers: Pairs) -> None:
        with contextlib.suppress(H2Error):
            if trailers:
                self._h2.send_headers(number, trailers, end_stream=True)
            else:
                self._h2.end_stream(number)
            self._flush_soon()

    def acknowledge(self, number: int, counted: int) -> None:
        """So much was taken, and may come again."""
        if counted:
            with contextlib.suppress(H2Error):
                self._h2.acknowledge_received_data(counted, number)
                self._flush_soon()

    def reset(self, number: int, code: ErrorCodes) -> None:
        with contextlib.suppress(H2Error):
            self._h2.reset_stream(number, code)
            self._flush_soon()

    def finished(self, stream: Http2Stream, number: int) -> None:
        """The application is through with a call, in whichever way."""
        if self._streams.pop(number, None) is None:
            return
        self._server.total_requests += 1
        self.acknowledge(number, stream.take_unacknowledged())
        if not stream.complete:
            if not stream.gone:
                self.reset(number, ErrorCodes.INTERNAL_ERROR)
        elif not stream.ended:
            # The rest of the body is not wanted (RFC 9113, 8.1).
            self.reset(number, ErrorCodes.NO_ERROR)
        if not self._streams:
            self._close_if_done()
            self._rest(self._config.timeout_keep_alive)

    # Ends.

    def _close(self, code: ErrorCodes = ErrorCodes.NO_ERROR) -> None:
        if self._transport.is_closing():
            return
        with contextlib.suppress(H2Error):
            self._h2.close_connection(code)
        self._flush()
        # A client that never took what it was sent would hold it in memory for ever.
        if self._transport.get_write_buffer_size() > _UNTAKEN:
            self._transport.abort()
        else:
            self._transport.close()

    def _close_if_done(self) -> None:
        if self._closing and not self._streams:
            self._flush()
            self._transport.close()

    def _rest(self, seconds: float) -> None:
        """Nothing runs: wait so long for a call."""
        if self._idle is not None:
            self._idle.cancel()
        if not self._transport.is_closing():
            self._idle = self._loop.call_later(seconds, self._rested)

    def _rested(self) -> None:
        self._idle = None
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._close()


_ACTS: dict[type[Event], Callable[[Http2, Any], None]] = {
    RequestReceived: Http2._opened,
    DataReceived: Http2._data,
    StreamEnded: Http2._ended,
    StreamReset: Http2._reset,
    WindowUpdated: Http2._widened,
    RemoteSettingsChanged: Http2._settings,
    ConnectionTerminated: Http2._terminated,
}
