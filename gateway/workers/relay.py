"""What a worker does not carry itself goes to the control process, over HTTP/1.1 on a Unix socket.

Console, management API and event streams: none of it is often, so each request has a
connection of its own, which ends with it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import h11

from gateway.errors import Unavailable
from gateway.proxy.head import plain_head
from gateway.proxy.headers import Pairs
from gateway.proxy.problems import Problem

PEER = b"x-plugway-peer"
"""Tells the control process who the client is; what a client itself sends by this name is dropped."""

_BLOCK = 64 * 1024
_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade")
)
_DROPPED = _HOP | {b"expect", PEER}
_OWN = _HOP | {b"date"}
_ALIVE = {"/healthz": b'{"status":"ok"}', "/readyz": b'{"ready":true,"reason":""}'}
"""Answered here where the control process is away: this worker takes calls to plugins all the same."""


class ControlAway(Unavailable):
    """The control process does not run now. Calls to plugins go on."""

    key, title = "control-away", "The management side of the gateway is away"


class _Broken(Exception):
    """The control process went away, or said something that is no HTTP."""


class Relay:
    """An ASGI application. ``away`` says whether the control process is known to be away."""

    def __init__(self, path: str, away: Callable[[], bool]) -> None:
        self._path = path
        self._away = away
        self._event_streams: set[asyncio.Task[None]] = set()

    def end_streams(self) -> None:
        """End the event streams, which would not end by themselves."""
        for task in tuple(self._event_streams):
            task.cancel()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self._request(scope, receive, send)

    async def _request(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            if self._away():
                raise ConnectionRefusedError
            reader, writer = await asyncio.open_unix_connection(self._path)
        except OSError:
            await _refuse(scope, send)
            return
        exchange = _Exchange(reader, writer, scope, receive, send)
        try:
            if await exchange.run(self._event_streams):
                return
        finally:
            writer.transport.abort()
        await _refuse(scope, send)


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, scope: Any, receive: Any, send: Any
    ) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=256 * 1024)
        self._reader = reader
        self._writer = writer
        self._scope = scope
        self._receive = receive
        self._send = send
        self._begun = False

    async def run(self, event_streams: set[asyncio.Task[None]]) -> bool:
        """Whether an answer was begun; an unfinished one makes the server close the connection."""
        answering = asyncio.create_task(self._answer(event_streams))
        asking = asyncio.create_task(self._ask())
        try:
            # Whoever leaves ends both; an answer may come before the whole request is sent.
            await asyncio.wait((answering, asking), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done() and asking.result():
                answering.cancel()
            with suppress(_Broken, OSError, asyncio.CancelledError):
                await answering
            return self._begun or (asking.done() and not asking.cancelled() and asking.result())
        finally:
            for task in (asking, answering):
                task.cancel()
            await asyncio.gather(asking, answering, return_exceptions=True)

    async def _ask(self) -> bool:
        """Send the request, then wait; returns True when the client has left."""
        message = await self._receive()
        headers = [pair for pair in self._scope["headers"] if pair[0] not in _DROPPED]
        sized = any(name == b"content-length" for name, _ in headers)
        if not sized and (message.get("body") or message.get("more_body")):
            headers.append((b"transfer-encoding", b"chunked"))
        target = self._scope["raw_path"] or b"/"
        if self._scope["query_string"]:
            target += b"?" + self._scope["query_string"]
        headers += [(PEER, _peer(self._scope)), (b"connection", b"close")]
        try:
            await self._write(h11.Request(method=self._scope["method"], target=target, headers=headers))
            while message["type"] == "http.request":
                if message.get("body"):
                    await self._write(h11.Data(data=message["body"]))
                if not message.get("more_body"):
                    await self._write(h11.EndOfMessage())
                message = await self._receive()
        except (OSError, h11.LocalProtocolError):
            # It has stopped reading: its answer says why.
            await asyncio.Event().wait()
        return True

    async def _write(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()

    async def _answer(self, event_streams: set[asyncio.Task[None]]) -> None:
        this = asyncio.current_task()
        assert this is not None
        try:
            while True:
                event = await self._next()
                if isinstance(event, h11.Response):
                    if _is_event_stream(event):
                        event_streams.add(this)
                    await self._begin(event)
                elif isinstance(event, h11.Data):
                    part = {"type": "http.response.body", "body": bytes(event.data), "more_body": True}
                    await self._send(part)
                elif isinstance(event, h11.EndOfMessage):
                    await self._send({"type": "http.response.body", "body": b""})
                    return
        except asyncio.CancelledError:
            if this in event_streams and self._begun:
                await self._send({"type": "http.response.body", "body": b""})
            raise
        finally:
            event_streams.discard(this)

    async def _begin(self, event: h11.Response) -> None:
        headers: Pairs = [(name, value) for name, value in event.headers if name not in _OWN]
        self._begun = True
        await self._send({"type": "http.response.start", "status": event.status_code, "headers": headers})

    async def _next(self) -> Any:
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                raise _Broken from error
            if event is not h11.NEED_DATA:
                if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                    raise _Broken
                return event
            self._http.receive_data(await self._reader.read(_BLOCK))


def _is_event_stream(event: h11.Response) -> bool:
    return any(n == b"content-type" and v.startswith(b"text/event-stream") for n, v in event.headers)


def _peer(scope: Any) -> bytes:
    known = {"client": scope.get("client"), "server": scope.get("server"), "scheme": scope["scheme"]}
    return json.dumps(known, separators=(",", ":")).encode()


async def _refuse(scope: Any, send: Any) -> None:
    if scope["method"] in ("GET", "HEAD") and (alive := _ALIVE.get(scope["path"])) is not None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(alive))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": alive if scope["method"] == "GET" else b""})
        return
    away = ControlAway(
        "Plugins answer calls; the console and the management API do not until it is back.",
        reason="control-away",
        retry_after=2.0,
    )
    request_id = plain_head(scope["headers"]).request_id.encode()
    await Problem(away, close=True).send(send, request_id)


async def _live(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


class Relayed:
    """The control process's side: an ASGI application that takes the client's address from the worker."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            told = next((value for name, value in scope["headers"] if name == PEER), None)
            if told is not None:
                known = json.loads(told)
                headers = [pair for pair in scope["headers"] if pair[0] != PEER]
                client, server = known["client"], known["server"]
                scope = {
                    **scope,
                    "headers": headers,
                    "scheme": known["scheme"],
                    "client": tuple(client) if client else None,
                    "server": tuple(server) if server else None,
                }
        await self._app(scope, receive, send)
