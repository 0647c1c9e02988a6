"""The API: calls go to ``apiBaseUrl`` as they come, and their answers come back as they are made."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import certifi
import httpcore
from plugway_sdk import current_call
from plugway_sdk.plugin import Receive, Send

from web_adapter import headers
from web_adapter.addresses import Host, away
from web_adapter.body import Body, ClientLeft
from web_adapter.config import Api
from web_adapter.network import Network
from web_adapter.problems import Problem

Scope = MutableMapping[str, Any]

# Seconds. The gateway's deadline ends a call earlier; a silent event stream lives as long as "read".
_TIMEOUTS = {"connect": 10.0, "read": 300.0, "write": 60.0, "pool": 10.0}
_SAFE = ("GET", "HEAD", "OPTIONS")
_PORTS = {"https": 443, "http": 80}


class Proxy:
    """An ASGI app. Its connections go to one host and nowhere else; it follows no redirect."""

    def __init__(self, api: Api, ca_file: Path | None) -> None:
        self._base = api.base_url.rstrip("/")
        parts = urlsplit(api.base_url)
        assert parts.hostname is not None
        self.secure = parts.scheme == "https"
        self.host = Host(parts.hostname, parts.port or _PORTS[parts.scheme], private=api.private)
        self.authority = parts.netloc.encode("ascii")
        self._prefix = parts.path.rstrip("/").encode("ascii")
        self.network = Network.from_environment(self.host)
        self.tls = _tls(ca_file) if self.secure else None
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=self.tls,
            max_connections=200,
            max_keepalive_connections=20,
            keepalive_expiry=15.0,
            network_backend=self.network,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            from web_adapter.sockets import forward_socket

            await forward_socket(self, scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pool.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the call until it is answered or its client has gone."""
        body = Body(receive)
        try:
            has_body = await body.begin()
        except ClientLeft:
            return
        forwarding = asyncio.create_task(self._answer(scope, body, has_body, send))
        leaving = asyncio.create_task(body.left())
        await asyncio.wait((forwarding, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not body.answered:
            forwarding.cancel()
        leaving.cancel()
        with suppress(asyncio.CancelledError, ClientLeft):
            await forwarding

    async def _answer(self, scope: Scope, body: Body, has_body: bool, send: Send) -> None:
        try:
            answer = await self._call(scope, body if has_body else None)
        except Problem as problem:
            body.answered = True
            await problem.send(send)
            return
        try:
            pairs = headers.for_client(answer.headers, self._base, scope["root_path"])
            await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
            async for part in answer.aiter_stream():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            body.answered = True
            await send({"type": "http.response.body", "body": b""})
        finally:
            await answer.aclose()

    async def _call(self, scope: Scope, content: Body | None) -> httpcore.Response:
        """The head of the API's answer; raises :class:`Problem`."""
        again = content is None and scope["method"] in _SAFE
        while True:
            try:
                return await self._pool.handle_async_request(self._request(scope, content))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                raise away(self.host.name) from error
            except (httpcore.ReadError, httpcore.WriteError, httpcore.RemoteProtocolError) as error:
                # A connection that was kept may have ended meanwhile: once, where that is safe.
                if not again:
                    raise _broken(self.host.name, error) from error
                again = False
            except httpcore.TimeoutException as error:
                raise Problem(
                    504, "api-late", "The API is late", f"{self.host.name} did not answer in time."
                ) from error
            except (httpcore.NetworkError, httpcore.ProtocolError) as error:
                raise _broken(self.host.name, error) from error

    def _request(self, scope: Scope, content: Body | None) -> httpcore.Request:
        pairs = headers.for_api(scope["headers"], self.authority, current_call().request_id)
        sized = any(name == b"content-length" for name, _ in pairs)
        if content is not None and not sized:
            size = content.size
            chunked = (b"transfer-encoding", b"chunked")
            pairs.append(chunked if size is None else (b"content-length", b"%d" % size))
        url = httpcore.URL(
            scheme=b"https" if self.secure else b"http",
            host=self.host.name.encode("ascii"),
            port=self.host.port,
            target=self.target(scope),
        )
        return httpcore.Request(
            scope["method"],
            url,
            headers=pairs,
            content=content.parts() if content else None,
            extensions={"timeout": _TIMEOUTS},
        )

    def target(self, scope: Scope) -> bytes:
        """Path and query at the API; raises :class:`Problem` for a path that leads out of it."""
        path = scope["raw_path"].removeprefix(scope["root_path"].encode())
        plain = unquote_to_bytes(path).replace(b"\\", b"/")
        if any(segment in (b".", b"..") for segment in plain.split(b"/")):
            raise Problem(400, "bad-path", "Bad path", "A path must not contain '.' or '..' as a segment.")
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        return bytes(self._prefix + path + query)


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def _broken(host: str, error: Exception) -> Problem:
    told = type(error).__name__
    return Problem(502, "api-broken", "The API does not answer as it should", f"{host}: {told}.")
