"""The first bytes of a connection, which say by which version of HTTP it goes on."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.utils import is_ssl

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SECONDS = 15.0


class Opening(asyncio.Protocol):
    """Hands the connection over: under TLS as was negotiated, else by what the client sends first."""

    http1: ClassVar[type[Any]]
    max_head: ClassVar[int] = 64 * 1024
    seconds = _SECONDS

    def __init__(
        self,
        config: Any,
        server_state: Any,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._given = {"config": config, "server_state": server_state, "app_state": app_state, "_loop": _loop}
        self._connections: set[Any] = server_state.connections
        self._loop = _loop or asyncio.get_event_loop()
        self._transport: Any = None
        self._first = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        if is_ssl(self._transport):
            negotiated = transport.get_extra_info("ssl_object")
            self._go_on(negotiated is not None and negotiated.selected_alpn_protocol() == "h2")
            return
        self._connections.add(self)
        self._timer = self._loop.call_later(self.seconds, self._transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    def data_received(self, data: bytes) -> None:
        self._first += data
        if len(self._first) < len(_PREFACE) and _PREFACE.startswith(self._first):
            return
        self._leave()
        self._go_on(self._first.startswith(_PREFACE))

    def shutdown(self) -> None:
        self._transport.close()

    def _leave(self) -> None:
        self._connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_on(self, http2: bool) -> None:
        protocol = self._http2() if http2 else self.http1(**self._given)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        if self._first:
            protocol.data_received(self._first)

    def _http2(self) -> Any:
        # Imported by who comes first: most gateways start without, and it is no small import.
        from gateway.proxy.http2.connection import Http2

        protocol = Http2(**self._given)
        protocol.max_head = self.max_head
        return protocol
