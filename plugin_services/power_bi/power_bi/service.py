"""Calls of Power BI's REST API as one service principal: https://learn.microsoft.com/rest/api/power-bi/

A service for looking sends nothing that changes anything, whoever calls what of it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

import httpx
from plugway_sdk.egress_httpx import GrantedTransport

from power_bi.answer import Answer
from power_bi.problems import ServiceRefused, not_power_bi, retry_after, say_answer, say_way
from power_bi.settings import Connection
from power_bi.tokens import Tokens

BASE = "/v1.0/myorg"
LARGEST = 32 * 2**20
"""Bytes of one answer; the API gives whole lists of what a workspace holds."""
EMBEDDING = "/GenerateToken"


class Service:
    """Both addresses of one connection, over one pool. Nothing connects before a call needs it."""

    def __init__(self, name: str, connection: Connection, *, writing: bool) -> None:
        self.name, self.connection, self.writing = name, connection, writing
        self._tokens = Tokens(name, connection, self._log_in)
        self._http: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()
        self._calls = 0
        self._closing = False

    async def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """The JSON object at ``path``; names in ``query`` without their dollars. Raises :class:`Refusal`."""
        answer = await self.send("GET", path, query=query)
        found = answer.document()
        if not found:
            raise not_power_bi(answer)
        return found

    async def entries(self, path: str, query: Mapping[str, str | int] | None = None) -> list[dict[str, Any]]:
        """What the answer holds as its ``value``."""
        answer = await self.send("GET", path, query=query)
        value = answer.document().get("value")
        if not isinstance(value, list):
            raise not_power_bi(answer)
        return [one for one in value if isinstance(one, dict)]

    async def send(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str | int] | None = None
    ) -> Answer:
        """An answer with a status below 300. Raises :class:`Refusal` for any other, and for none.

        A token that has ended is renewed once. A GET that came too soon is sent again when the service says,
        as long as the connection's time for a call lasts; nothing else is ever sent twice.
        """
        if not self.writing and method != "GET" and not path.endswith(EMBEDDING):
            raise PermissionError(f"{method} {path} is not a reading call")
        url = f"{self.connection.api_url}{BASE}{path}"
        parameters = {f"${name}": str(value) for name, value in (query or {}).items()}
        until = asyncio.get_running_loop().time() + self.connection.answer_timeout
        self._calls += 1
        try:
            async with asyncio.timeout_at(until):
                answer = await self._patiently(method, url, until, json=body, params=parameters)
        except TimeoutError as error:
            raise say_way(error, url) from None
        finally:
            self._calls -= 1
            await self._close_if_idle()
        if answer.status >= 300:
            raise say_answer(answer)
        return answer

    async def _patiently(self, method: str, url: str, until: float, **sent: Any) -> Answer:
        renewed = False
        while True:
            token = await self._tokens.get()
            answer = await self._once(method, url, headers={"authorization": f"Bearer {token}"}, **sent)
            if answer.status == 401 and not renewed:
                self._tokens.drop(token)
                renewed = True
                continue
            wait = max(1, retry_after(answer))
            late = asyncio.get_running_loop().time() + wait >= until
            if method != "GET" or answer.status != 429 or late or "retry-after" not in answer.headers:
                return answer
            await asyncio.sleep(wait)

    async def _log_in(self, url: str, form: dict[str, str]) -> Answer:
        return await self._once("POST", url, data=form)

    async def _once(self, method: str, url: str, **sent: Any) -> Answer:
        http = await self._opened()
        content = bytearray()
        try:
            async with http.stream(method, url, **sent) as answer:
                async for part in answer.aiter_bytes():
                    content += part
                    if len(content) > LARGEST:
                        raise ServiceRefused("The answer of Power BI is larger than this plugin reads.")
        except httpx.HTTPError as error:
            # Not chained: its request holds the token or the secret.
            raise say_way(error, url) from None
        return Answer(url, answer.status_code, answer.headers, bytes(content))

    async def _opened(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._http is None:
                self._http = await asyncio.to_thread(_client, self.connection)
            return self._http

    async def close(self) -> None:
        """Once the calls that run have ended."""
        self._closing = True
        await self._close_if_idle()

    async def _close_if_idle(self) -> None:
        if self._closing and not self._calls and self._http is not None:
            http, self._http = self._http, None
            await http.aclose()


def _client(connection: Connection) -> httpx.AsyncClient:
    """Made in a thread: certificates are read from files."""
    context: ssl.SSLContext = httpx.create_ssl_context()
    if connection.ca_certificate:
        context.load_verify_locations(cadata=connection.ca_certificate)
    times = httpx.Timeout(connection.answer_timeout, connect=connection.connect_timeout)
    return httpx.AsyncClient(
        transport=GrantedTransport(verify=context),
        timeout=times,
        follow_redirects=False,
        trust_env=False,
        headers={"accept": "application/json", "user-agent": "plugway-power-bi/1.0.0"},
    )
