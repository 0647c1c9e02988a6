"""Grafana's HTTP API by httpx, over the way that the gateway granted. Imported once a call needs it."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

import certifi
import httpx
from plugway_sdk.egress_httpx import GrantedTransport
from plugway_sdk.unreachable import why_unreachable

from grafana_management.problems import ServerRefused, Unreachable, not_grafana, say
from grafana_management.settings import Connection

LARGEST = 64 << 20
"""Bytes of one answer; Grafana has no paging for some of its lists."""
_IN_THREAD = 1 << 20
CONNECTIONS = 16
"""To one server at a time; further calls wait their turn, within their own time."""
Query = Mapping[str, Any]
Accept = Callable[[Any], bool]


class Client:
    """One server. Made in a thread: certificates are read from files."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        times = httpx.Timeout(connection.answer_timeout, connect=connection.connect_timeout)
        self._http = httpx.AsyncClient(
            base_url=connection.address.url,
            transport=GrantedTransport(verify=_verify(connection), connections=CONNECTIONS),
            auth=_auth(connection),
            headers={"accept": "application/json", "user-agent": "plugway-grafana"},
            timeout=times,
            follow_redirects=False,
            trust_env=False,
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        organisation: int = 0,
        query: Query | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        accept: Accept | None = None,
    ) -> Any:
        """The answer's JSON; raises a refusal for every other answer than a success.

        ``accept`` says which of those count as well. A GET that is throttled is asked again as
        soon as the server allows, where that is within the connection's time; nothing else is repeated.
        """
        chosen = organisation or self.connection.organisation
        fields = {"x-grafana-org-id": str(chosen)} if chosen else {}
        sent = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            fields["content-type"] = "application/json"
        request = self._http.build_request(
            method, path, params=sent, content=content, headers={**fields, **(headers or {})}
        )
        try:
            async with asyncio.timeout(self.connection.answer_timeout) as deadline:
                return await self._asked(request, accept, deadline)
        except (httpx.TimeoutException, TimeoutError):
            raise Unreachable(
                f"Grafana at {self.connection.address} did not answer in time.",
                hint="It may be overloaded or unreachable; the time allowed is in the plugin's settings.",
                retry_after=2,
            ) from None
        except httpx.TransportError as error:
            raise Unreachable(
                f"Grafana at {self.connection.address} cannot be reached{_cause(error)}.",
                hint="Check that Grafana runs and that the address in the plugin's settings is right.",
                retry_after=2,
            ) from None

    async def _asked(self, request: httpx.Request, accept: Accept | None, deadline: asyncio.Timeout) -> Any:
        while True:
            answer = await self._http.send(request, stream=True)
            try:
                document = await self._read(answer)
            finally:
                await answer.aclose()
            if answer.is_success and document is None:
                raise not_grafana(self.connection)
            if answer.is_success or (accept is not None and accept(document)):
                return document
            if answer.is_redirect:
                raise not_grafana(self.connection)
            pause = _pause(answer.headers.get("retry-after", ""))
            until = deadline.when() or 0.0
            soon = pause is not None and asyncio.get_running_loop().time() + pause < until
            if answer.status_code != 429 or request.method != "GET" or pause is None or not soon:
                raise say(answer.status_code, document, self.connection, pause)
            await asyncio.sleep(pause)

    async def _read(self, answer: httpx.Response) -> Any:
        """The JSON of the answer; None where it is none. Changes and refusals may be answered by no word."""
        body = bytearray()
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > LARGEST:
                raise ServerRefused(
                    f"Grafana answered with more than {LARGEST >> 20} MiB.", hint="Ask for less at a time."
                )
        found = answer.is_success and answer.request.method == "GET"
        if not found and bytes(body[:8]).strip() in (b"", b"null"):
            return {}
        try:
            return await asyncio.to_thread(json.loads, body) if len(body) > _IN_THREAD else json.loads(body)
        except (ValueError, RecursionError):
            return None

    async def aclose(self) -> None:
        await self._http.aclose()


def _verify(connection: Connection) -> ssl.SSLContext | None:
    if not connection.address.tls:
        return None
    context = ssl.create_default_context(cafile=certifi.where())
    if connection.ca_certificate:
        context.load_verify_locations(cadata=connection.ca_certificate)
    return context


class _Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Any:
        request.headers["authorization"] = f"Bearer {self._token}"
        yield request


def _auth(connection: Connection) -> httpx.Auth | None:
    if token := connection.token.get_secret_value():
        return _Bearer(token)
    if connection.login:
        return httpx.BasicAuth(connection.user, connection.password.get_secret_value())
    return None


def _pause(text: str) -> float | None:
    """Seconds that a Retry-After asks for, in either of its forms; None where there is none."""
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time())
    except (TypeError, ValueError):
        return None


def _cause(error: httpx.TransportError) -> str:
    known = why_unreachable(error)
    if not known and isinstance(error, httpx.RemoteProtocolError):
        return ": what answers there does not speak HTTP"
    return known
