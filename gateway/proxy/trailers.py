"""Trailing fields on HTTP/1.1, which uvicorn does not know: the end of a chunked answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from gateway.proxy.headers import Pairs

App = Callable[[Any, Any, Any], Awaitable[None]]
EXTENSION = "http.response.trailers"


def wants_trailers(headers: Pairs) -> bool:
    """Whether the client says ``TE: trailers``; to others none are sent (RFC 9110, 6.5.1)."""
    return any(name == b"te" and b"trailers" in _codings(value) for name, value in headers)


def _codings(value: bytes) -> list[bytes]:
    return [coding.partition(b";")[0].strip() for coding in value.lower().split(b",")]


def with_trailers(app: App, cycle: RequestResponseCycle) -> App:
    """The application for this one request, offered the ASGI extension for trailers."""

    async def run(scope: Any, receive: Any, send: Any) -> None:
        scope["extensions"] = {EXTENSION: {}}
        await app(scope, receive, _Trailing(cycle).send)

    return run


class _Trailing:
    """Holds the end of a chunked body back until the trailers are there.

    A body of declared length has no place for them, so there they are left out.
    """

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._promised = False

    async def send(self, message: Any) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            await self._cycle.send(message)
            chunked = self._cycle.chunked_encoding is True
            self._promised = chunked and message.get("trailers", False)
        elif kind == EXTENSION:
            if self._promised:
                await self._end(message["headers"])
        elif self._promised:
            if message.get("body"):
                body = message["body"]
                await self._cycle.send({"type": "http.response.body", "body": body, "more_body": True})
        else:
            await self._cycle.send(message)

    async def _end(self, fields: Pairs) -> None:
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
        lines = b"".join(b"%s: %s\r\n" % field for field in fields)
        cycle.transport.write(b"0\r\n" + lines + b"\r\n")
        # What uvicorn does after the last part of a body.
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
