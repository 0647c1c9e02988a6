"""One call over HTTP/2: the ASGI conversation on one side, a stream of the connection on the other."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from h2.errors import ErrorCodes

from gateway.proxy.headers import BAD_VALUE, Pairs
from gateway.proxy.trailers import EXTENSION

if TYPE_CHECKING:
    from gateway.proxy.http2.connection import Http2

log = logging.getLogger(__name__)
# Of the connection, which HTTP/2 handles itself (RFC 9113, 8.2.2).
_HOP = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"te"})
_BODILESS = frozenset({204, 304})
HEAD_ONLY = "plugway.head-only"
"""In ``http.response.start``: nothing follows."""


class Http2Stream:
    """Runs the application for one request. ``gone`` says that nobody waits for the answer any more."""

    __slots__ = (
        "_bodiless",
        "_body",
        "_body_told",
        "_connection",
        "_left",
        "_number",
        "_scope",
        "_started",
        "_trailers",
        "_unacknowledged",
        "_wake",
        "_wants_100",
        "begun",
        "complete",
        "ended",
        "gone",
        "task",
    )  # fmt: skip

    def __init__(self, connection: Http2, number: int, scope: dict[str, Any], *, ended: bool) -> None:
        self._connection = connection
        self._number = number
        self._scope = scope
        self._body = bytearray()
        self._unacknowledged = 0
        self._wake = asyncio.Event()
        self._body_told = self._started = self._trailers = self._bodiless = False
        self._left: int | None = None
        self._wants_100 = any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"]
        )
        self.task: asyncio.Task[None] | None = None
        self.begun = False
        self.ended = ended
        self.complete = False
        self.gone = False

    # The connection's side.

    def feed(self, data: bytes, counted: int) -> None:
        """``counted`` is what the window shrank by; it widens when the application has taken the data."""
        self._unacknowledged += counted
        self._body += data
        self._wake.set()

    def end(self) -> None:
        self.ended = True
        self._wake.set()

    def leave(self) -> None:
        """The client has given this call up, or is gone."""
        self.gone = True
        self._wake.set()
        if not self.begun and self.task is not None:
            # Its code has not run yet, so that nobody needs to hear of it.
            self.task.cancel()

    def wake(self) -> None:
        """Its window may be wider now."""
        self._wake.set()

    def take_unacknowledged(self) -> int:
        counted, self._unacknowledged = self._unacknowledged, 0
        return counted

    async def run(self, app: Any) -> None:
        self.begun = True
        try:
            await app(self._scope, self._receive, self._send)
        except Exception:
            log.exception("the application failed")
            await self._fail()
        else:
            if not self._started and not self.gone:
                log.error("the application gave no answer")
                await self._fail()
        finally:
            self._connection.finished(self, self._number)

    async def _fail(self) -> None:
        if not self._started and not self.gone:
            await self._send({"type": "http.response.start", "status": 500, "headers": []})
            await self._send({"type": "http.response.body", "body": b""})

    # The application's side.

    async def _receive(self) -> dict[str, Any]:
        if self._wants_100 and not self._started and not self.gone:
            self._wants_100 = False
            self._connection.send_head(self._number, [(b":status", b"100")])
        while not (self._body or (self.ended and not self._body_told) or self.gone or self.complete):
            self._wake.clear()
            await self._wake.wait()
        if self.gone or self.complete:
            return {"type": "http.disconnect"}
        data = bytes(self._body)
        self._body.clear()
        self._body_told = self.ended
        self._connection.acknowledge(self._number, self.take_unacknowledged())
        return {"type": "http.request", "body": data, "more_body": not self.ended}

    async def _send(self, message: Any) -> None:
        if self.gone:
            return
        kind = message["type"]
        if kind == "http.response.start" and not self._started:
            await self._start(message)
        elif kind == "http.response.body" and self._started and not self.complete:
            await self._send_body(message.get("body", b""), more=message.get("more_body", False))
        elif kind == EXTENSION and self._trailers and not self.complete:
            self._finish(_checked(message["headers"]))
        elif kind != EXTENSION:
            raise RuntimeError(f"unexpected ASGI message {kind!r}")

    async def _start(self, message: Any) -> None:
        status: int = message["status"]
        headers = _checked(message.get("headers", ()))
        self._bodiless = self._scope["method"] == "HEAD" or status in _BODILESS
        self._trailers = message.get("trailers", False) and not self._bodiless
        if not self._bodiless:
            self._left = next((int(value) for name, value in headers if name == b"content-length"), None)
        head = [(b":status", b"%d" % status), *self._connection.default_headers, *headers]
        # Not of ASGI: a head that is all of the answer, which gRPC tells from one that trailers follow.
        ends = message.get(HEAD_ONLY, False)
        await self._connection.turns.take()
        try:
            if not self.gone:
                self._started = True
                self._connection.send_head(self._number, head, ends=ends)
                if ends:
                    self._done()
        finally:
            self._connection.turns.pass_on()

    async def _send_body(self, body: bytes, *, more: bool) -> None:
        if self._bodiless:
            body = b""
        if self._left is not None:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("the body is not as long as its Content-Length says")
        ends = not more and not self._trailers
        if body:
            await self._write(body, ends)
        elif ends:
            self._finish([])

    async def _write(self, body: bytes, ends: bool) -> None:
        """As much as the client's windows and its reading allow, in turns with the other calls."""
        connection, rest = self._connection, memoryview(body)
        while rest and not self.gone:
            if not await self._has_window():
                return
            await connection.turns.take()
            try:
                if not self.gone:
                    rest = rest[connection.send_data(self._number, rest, ends=ends) :]
            finally:
                connection.turns.pass_on()
        if ends and not self.gone:
            self._done()

    async def _has_window(self) -> bool:
        """Wait for it; a client that gives none for too long gives the call up."""
        connection = self._connection
        while not self.gone and connection.window(self._number) <= 0:
            self._wake.clear()
            try:
                async with asyncio.timeout(connection.stall_seconds):
                    await self._wake.wait()
            except TimeoutError:
                connection.reset(self._number, ErrorCodes.CANCEL)
                self.leave()
        return not self.gone

    def _finish(self, trailers: Pairs) -> None:
        self._connection.send_end(self._number, trailers)
        self._done()

    def _done(self) -> None:
        self.complete = True
        self._wake.set()


def _checked(headers: Any) -> Pairs:
    """Names in lower case; what would be split by the next hop is the application's error."""
    kept = [(name.lower(), value) for name, value in headers]
    if any(BAD_VALUE.search(value) for _, value in kept):
        raise RuntimeError("invalid header value")
    return [pair for pair in kept if pair[0] not in _HOP]
