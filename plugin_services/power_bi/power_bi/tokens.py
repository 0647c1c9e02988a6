"""Tokens of a service principal: OAuth 2.0 client credentials at Microsoft Entra's endpoint.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from power_bi.answer import Answer
from power_bi.problems import NotConfigured, say_login
from power_bi.settings import Connection

EARLY = 300.0
"""Seconds before its end that a token is used no more; never more than a tenth of its life."""

Post = Callable[[str, dict[str, str]], Awaitable[Answer]]
"""Sends a form to an address."""


class Tokens:
    """The token in use. One is asked for at a time, however many calls wait for it."""

    def __init__(self, name: str, connection: Connection, post: Post) -> None:
        self._name, self._connection, self._post = name, connection, post
        self._token = ""
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def get(self) -> str:
        """One that is good for now. Raises :class:`Refusal`."""
        async with self._lock:
            if not self._token or time.monotonic() >= self._until:
                await self._renew()
            return self._token

    def drop(self, token: str) -> None:
        """The service does not take this one any more."""
        if token == self._token:
            self._token = ""

    async def _renew(self) -> None:
        connection = self._connection
        secret = connection.client_secret.get_secret_value()
        if not secret:
            raise NotConfigured(
                f"The connection '{self._name}' has no client secret yet.",
                hint="Enter it in the plugin's settings.",
            )
        form = {
            "grant_type": "client_credentials",
            "client_id": connection.client_id,
            "client_secret": secret,
            "scope": connection.scope,
        }
        url = f"{connection.login_url}/{quote(connection.tenant_id)}/oauth2/v2.0/token"
        answer = await self._post(url, form)
        found = answer.document()
        token, life = found.get("access_token"), found.get("expires_in")
        if answer.status != 200 or not isinstance(token, str) or not isinstance(life, int | float):
            raise say_login(answer)
        self._token = token
        self._until = time.monotonic() + life - min(EARLY, life / 10)
