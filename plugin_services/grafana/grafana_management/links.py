"""The way to each server under the settings in force."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from plugway_sdk.web.connections import Connections

from grafana_management.problems import NotConfigured
from grafana_management.recent import Recent
from grafana_management.settings import Connection, Settings

if TYPE_CHECKING:
    from grafana_management.client import Accept, Client

QUERY = "/api/ds/query"
"""The one POST that reads: panels' data."""


class Server:
    """One server under one connection's settings. Nothing is opened before a call needs it."""

    def __init__(self, name: str, connection: Connection) -> None:
        self.name, self.connection = name, connection
        self.recent = Recent()
        self._client: Client | None = None
        self._opening = asyncio.Lock()
        self._running = 0
        self._retired = False

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """For one call."""
        if not self.connection.login:
            raise NotConfigured(
                f"The connection '{self.name}' has no login yet.",
                hint="Enter a service account token, or user and password, in the plugin's settings.",
            )
        self._running += 1
        try:
            async with self._opening:
                if self._client is None:
                    self._client = await asyncio.to_thread(_open, self.connection)
            yield self._client
        finally:
            self._running -= 1
            await self._close_if_unused()

    async def retire(self) -> None:
        """Close it once the calls that run have ended."""
        self._retired = True
        await self._close_if_unused()

    async def _close_if_unused(self) -> None:
        if self._retired and not self._running and self._client is not None:
            client, self._client = self._client, None
            await client.aclose()


def _open(connection: Connection) -> Client:
    from grafana_management.client import Client

    return Client(connection)


class Link:
    """A server as one organisation sees it, for looking or for changing."""

    def __init__(self, server: Server, organisation: int, *, writing: bool) -> None:
        self.server, self.organisation, self.writing = server, organisation, writing

    @property
    def connection(self) -> Connection:
        return self.server.connection

    async def get(self, path: str, *, accept: Accept | None = None, **query: Any) -> Any:
        """The document; raises :class:`Refusal` for what the server or the way says."""
        async with self.server.client() as client:
            return await client.call("GET", path, organisation=self.organisation, query=query, accept=accept)

    async def ask(self, body: Any) -> Any:
        """The answer to queries of data sources; those that failed are told in it."""
        async with self.server.client() as client:
            return await client.call(
                "POST", QUERY, organisation=self.organisation, body=body, accept=_has_results
            )

    async def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **query: Any
    ) -> Any:
        """A changing call; raises PermissionError on a link for looking, which is a mistake of ours."""
        if not self.writing:
            raise PermissionError(f"{method} is not a reading call")
        try:
            async with self.server.client() as client:
                return await client.call(
                    method, path, organisation=self.organisation, query=query, body=body, headers=headers
                )
        finally:
            self.server.recent.forget()


def _has_results(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("results"), dict)


class Links(Connections[Connection]):
    """Links to all the servers. A server may be away when the plugin starts, and come and go later."""

    def __init__(self) -> None:
        super().__init__(Settings(), "Grafana", NotConfigured)
        self._open: dict[str, Server] = {}

    async def use(self, settings: Settings) -> None:
        """Take new settings. Connections whose own are the same stay open."""
        self.settings = settings
        known = settings.connections
        gone = [name for name, one in self._open.items() if known.get(name) != one.connection]
        for server in [self._open.pop(name) for name in gone]:
            await server.retire()

    async def aclose(self) -> None:
        while self._open:
            await self._open.popitem()[1].retire()

    def reader(self, name: str, organisation: int = 0) -> Link:
        """For looking."""
        return Link(self._server(*self.pick(name)), organisation, writing=False)

    def writer(self, name: str, organisation: int = 0) -> Link:
        """For changing; raises ReadOnly while the connection's switch is on."""
        return Link(self._server(*self.pick_writable(name)), organisation, writing=True)

    def fresh(self, name: str) -> Link:
        """With connections of its own, to find out whether the settings work now; retire its server."""
        return Link(Server(*self.pick(name)), 0, writing=False)

    def _server(self, name: str, connection: Connection) -> Server:
        server = self._open.get(name)
        if server is None:
            server = self._open[name] = Server(name, connection)
        return server
