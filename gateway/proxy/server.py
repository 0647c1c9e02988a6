"""How uvicorn serves the data plane: its options, and the limits on request heads that it lacks."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gateway.errors import PlugwayError
from gateway.proxy.linger import Lingering
from gateway.proxy.opening import Opening
from gateway.proxy.prompt import MARK, Heads, Prompt, plain
from gateway.proxy.refusals import REFUSALS
from gateway.proxy.trailers import wants_trailers, with_trailers
from gateway.settings import Settings

HEAD_SECONDS = 15.0
"""Time for a whole request head, from the opening of the connection or the end of the call before."""


class HeadTooLarge(PlugwayError):
    key, title, status = "headers-too-large", "The request headers are too large", 431


class GuardedHttp(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with a limit on the size of a request head and on its time.

    What the application has an answer for at hand (:mod:`gateway.proxy.prompt`) is written from here.
    """

    heads = Heads()
    max_head = 64 * 1024
    head_seconds = HEAD_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head_bytes = 0
        self._waited_for = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._why = 400
        # With a limit on tasks, uvicorn has to see each call.
        self._prompt: Prompt | None = (
            getattr(self.app, "prompt", None) if self.limit_concurrency is None else None
        )
        self._in_turn = True
        self._between = True
        self._answered: tuple[bytes, bytes] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._lingering = Lingering(transport, self, self._is_sent_more)
        super().connection_made(cast("asyncio.Transport", self._lingering))
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def _is_sent_more(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and cycle.response_complete and not self._between

    def shutdown(self) -> None:
        self._lingering.hurry()
        super().shutdown()

    def data_received(self, data: bytes) -> None:
        between = self._between
        if (
            between
            and self._prompt is not None
            and (known := self.heads.find(data)) is not None
            and self._answer_at_once(self._prompt, *known)
        ):
            self._in_head = False
            if self._head_timer is not None:
                self._disarm()
            return
        self._in_turn, self._answered = True, None
        super().data_received(data)
        self._keep_head(data, between)
        if not self._in_head or self.parser is None:
            if self._head_timer is not None:
                self._disarm()
            return
        # The parser keeps an unfinished header to itself, so its bytes are counted here.
        self._waited_for += len(data)
        if self._waited_for > self.max_head:
            self._refuse(431)
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._head_too_slow)

    def on_message_begin(self) -> None:
        self._in_head = True
        self._between = False
        self._answered = None
        self._head_bytes = 0
        self._waited_for = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._head_bytes += len(url)
        if self._head_bytes > self.max_head:
            self._too_large()
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        # Each request has several of these: one function does it all, uvicorn's part too.
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self.max_head:
            self._too_large()
        # The parser reports trailing fields too, which must not pass for what came before the body.
        if self._in_head:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._prompt is None or MARK not in self.url or not self._is_plain(self._prompt):
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._between = True
        if self._answered is None:
            super().on_message_complete()

    def _keep_head(self, data: bytes, whole: bool) -> None:
        if whole and self._between and self._answered is not None:
            self.heads.keep(data, *self._answered)

    def _is_plain(self, prompt: Prompt) -> bool:
        """Whether this request was answered at once."""
        parser = self.parser
        if (
            # One in each read: others are to have their turn, however many requests came together.
            not self._in_turn
            or parser.get_method() != b"GET"
            or parser.get_http_version() != "1.1"
            or not parser.should_keep_alive()
            or parser.should_upgrade()
            or (accepted := plain(self.headers)) is None
            or not self._answer_at_once(prompt, self.url, accepted)
        ):
            return False
        self._in_turn, self._answered = False, (self.url, accepted)
        return True

    def _answer_at_once(self, prompt: Prompt, target: bytes, accepted: bytes) -> bool:
        # uvicorn's types leave out that there is none before the first call.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        transport = self.transport
        if (
            (cycle is not None and not cycle.response_complete)
            or self.pipeline
            # A client that leaves its answers unread has to wait for the next.
            or transport.get_write_buffer_size()
            or transport.is_closing()
            or (answer := prompt(target, accepted)) is None
        ):
            return False
        lines, body = answer
        begin = self.heads.begin(self.server_state.default_headers)
        transport.writelines((begin + lines + b"\r\n", body))
        self.on_response_complete()
        return True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if wants_trailers(cycle.scope["headers"]):  # type: ignore[arg-type]
            app = with_trailers(app, cycle)
        super()._start_asgi_task(cycle, app)

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._why)

    def timeout_keep_alive_handler(self) -> None:
        # A client that never took the last answer would hold it in memory for ever.
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def _too_large(self) -> None:
        self._why = 431
        # The parser turns this into its own error, which ends in send_400_response.
        raise HeadTooLarge("The request headers are too large.")

    def _head_too_slow(self) -> None:
        self._head_timer = None
        # Nothing at all was sent: closing is answer enough.
        self._refuse(408) if self._waited_for else self.transport.close()

    def _refuse(self, status: int) -> None:
        self._disarm()
        if not self.transport.is_closing():
            self.transport.write(REFUSALS[status])
            if status == 408:
                self.transport.close()
            else:
                self._lingering.linger()

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class GuardedWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, which would keep a pong for every ping of a client that takes none."""

    _pong = b""

    def handle_ping(self) -> None:
        pong = b"".join(self.conn.data_to_send())
        if self.writable.is_set():
            self.transport.write(pong)
        else:
            # The latest alone has to be answered (RFC 6455, 5.5.3).
            self._pong = pong

    def resume_writing(self) -> None:
        super().resume_writing()
        pong, self._pong = self._pong, b""
        if pong and not self.transport.is_closing():
            self.transport.write(pong)


def uvicorn_options(settings: Settings) -> dict[str, Any]:
    """Options for ``uvicorn.Config`` beside the application and its address."""
    most = {"max_head": settings.max_header_bytes}
    http1 = type("GuardedHttp", (GuardedHttp,), {**most, "heads": Heads()})
    return {
        "http": type("Opening", (Opening,), {**most, "http1": http1}),
        "loop": "uvloop",
        "ws": GuardedWebSocket,
        "ws_max_size": 16 * 2**20,
        # Compressing every message would cost more than carrying it.
        "ws_per_message_deflate": False,
        # Callers' addresses are believed from nobody; a proxy in front is named in the settings.
        "proxy_headers": False,
        "server_header": False,
        "access_log": False,
        "timeout_keep_alive": 75,
        "timeout_graceful_shutdown": 5,
    }
