"""The API: calls go to ``apiBaseUrl`` as they come, and their answers come back as they are made."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import httpx
from plugway_sdk import current_call
from plugway_sdk.plugin import Receive, Send

from web_adapter import headers
from web_adapter.addresses import Host, away
from web_adapter.body import Body, ClientLeft
from web_adapter.config import Api
from web_adapter.problems import Problem

Scope = MutableMapping[str, Any]

# The gateway's deadline ends a call earlier; a silent event stream lives as long as this.
_TIMEOUT = httpx.Timeout(60, connect=10, read=300, pool=10)
_LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=20, keepalive_expiry=15)
_SAFE = ("GET", "HEAD", "OPTIONS")
_PORTS = {"https": 443, "http": 80}


class Proxy:
    """An ASGI app. Its connections go to judged addresses of one host, and nowhere else."""

    def __init__(self, api: Api, ca_file: Path | None) -> None:
        self._base = httpx.URL(api.base_url)
        name = self._base.raw_host.decode("ascii")
        self.host = Host(name, self._base.port or _PORTS[self._base.scheme], private=api.private)
        self.tls = _tls(ca_file) if self._base.scheme == "https" else None
        self._transport = httpx.AsyncHTTPTransport(
            verify=self.tls or ssl.create_default_context(), trust_env=False, limits=_LIMITS
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
        await self._transport.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the call until it is answered or its client has gone."""
        body = Body(receive)
        try:
            has_body = await body.begin()
        except ClientLeft:
            return
        forwarding = asyncio.create_task(self._answer(scope, body if has_body else None, body, send))
        leaving = asyncio.create_task(body.left())
        await asyncio.wait((forwarding, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not body.answered:
            forwarding.cancel()
        leaving.cancel()
        with suppress(asyncio.CancelledError, ClientLeft):
            await forwarding

    async def _answer(self, scope: Scope, content: Body | None, body: Body, send: Send) -> None:
        try:
            answer = await self._call(scope, content)
        except Problem as problem:
            body.answered = True
            await problem.send(send)
            return
        try:
            pairs = headers.for_client(answer.headers.raw, str(self._base), scope["root_path"])
            await send({"type": "http.response.start", "status": answer.status_code, "headers": pairs})
            async for part in answer.aiter_raw():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            body.answered = True
            await send({"type": "http.response.body", "body": b""})
        finally:
            await answer.aclose()

    async def _call(self, scope: Scope, content: Body | None) -> httpx.Response:
        """The head of the API's answer; raises :class:`Problem`."""
        again = content is None and scope["method"] in _SAFE
        while True:
            try:
                return await self._try(scope, content)
            except (httpx.ReadError, httpx.RemoteProtocolError) as error:
                # A connection that was kept may have ended meanwhile: once, where that is safe.
                if not again:
                    raise _broken(self.host.name, error) from error
                again = False
            except httpx.TimeoutException as error:
                raise Problem(
                    504, "api-late", "The API is late", f"{self.host.name} did not answer in time."
                ) from error
            except httpx.HTTPError as error:
                raise _broken(self.host.name, error) from error

    async def _try(self, scope: Scope, content: Body | None) -> httpx.Response:
        url = self.url(scope)
        call = current_call()
        pairs = headers.for_api(scope["headers"], self._base.netloc, call.request_id)
        for address in await self.host.addresses():
            request = httpx.Request(
                scope["method"],
                url.copy_with(host=address),
                headers=pairs,
                content=content.parts() if content else None,
                extensions={"timeout": _TIMEOUT.as_dict(), "sni_hostname": self.host.name},
            )
            # Only a connection that never came to be is tried elsewhere: nothing was sent yet.
            with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return await self._transport.handle_async_request(request)
        raise away(self.host.name)

    def url(self, scope: Scope) -> httpx.URL:
        """Where the call goes; raises :class:`Problem` for a path that leads out of the API."""
        path = scope["raw_path"].removeprefix(scope["root_path"].encode())
        if any(
            segment in (b".", b"..") for segment in unquote_to_bytes(path).replace(b"\\", b"/").split(b"/")
        ):
            raise Problem(400, "bad-path", "Bad path", "A path must not contain '.' or '..' as a segment.")
        base = self._base.raw_path.partition(b"?")[0].rstrip(b"/")
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        return self._base.copy_with(raw_path=base + path + query)


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def _broken(host: str, error: Exception) -> Problem:
    told = type(error).__name__
    return Problem(502, "api-broken", "The API does not answer as it should", f"{host}: {told}.")
