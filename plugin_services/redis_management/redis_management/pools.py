"""The way to one Redis: a small pool of connections for each database, made when first needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from redis_management.granted import Granted, GrantedTls
from redis_management.link import Reader, Writer
from redis_management.problems import in_words
from redis_management.sentinel import Followed, FollowedTls, Sentinels
from redis_management.settings import Connection
from redis_management.topology import Place

POOL = 8
"""Connections for each database; further calls wait their turn."""


@dataclass
class _Opened:
    client: Redis
    users: int = 0
    retired: bool = False


class Pools:
    """The way to one Redis. Nothing connects before a call needs it, so it may be away when the
    plugin starts and may come and go later."""

    most_open = 8
    """Databases with open connections; the one unused for longest is closed."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._opened: OrderedDict[tuple[int, Place | None], _Opened] = OrderedDict()

    async def close(self) -> None:
        """Close every connection once its calls are done."""
        while self._opened:
            _, opened = self._opened.popitem()
            await self._retire(opened)

    @asynccontextmanager
    async def reader(self, database: int | None, node: str = "") -> AsyncIterator[Reader]:
        """For looking; ``None`` is the database of the address. ``node`` counts in a cluster."""
        async with self.opened(database) as client:
            yield Reader(client, self.connection)

    @asynccontextmanager
    async def writer(self, database: int | None, node: str = "") -> AsyncIterator[Writer]:
        """For changing. Only ``Links.writer`` asks for one, which minds the read-only switch."""
        async with self.opened(database) as client:
            yield Writer(client, self.connection)

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[Reader]:
        """A connection of its own, to find out whether the settings work now."""
        opened = _Opened(self._client(self.connection.address.database, None))
        try:
            yield Reader(opened.client, self.connection)
        finally:
            await _shut(opened)

    async def alone(
        self, database: int | None, node: str = "", *, largest: int | None = None
    ) -> AbstractConnection:
        """A connection for one purpose, open and logged in, which the caller closes. Raises Refusal.

        With ``largest`` it takes no more than so many bytes of answers, in all.
        """
        number = self.connection.address.database if database is None else database
        pool = self._client(number, await self._place(node)).connection_pool
        made = pool.make_connection()  # type: ignore[no-untyped-call] # redis-py's
        assert isinstance(made, Granted)
        made.largest = largest
        with in_words(self.connection):
            await made.connect()  # type: ignore[no-untyped-call] # redis-py's
        return made

    async def _place(self, node: str) -> Place | None:
        """Where that node is; None for where the settings say."""
        return None

    @asynccontextmanager
    async def opened(self, database: int | None, place: Place | None = None) -> AsyncIterator[Redis]:
        """The pool for this database, at this place or where the settings say."""
        number = self.connection.address.database if database is None else database
        key = (number, place)
        opened = self._opened.get(key)
        if opened is None:
            opened = self._opened[key] = _Opened(self._client(number, place))
        self._opened.move_to_end(key)
        opened.users += 1
        try:
            if len(self._opened) > self.most_open:
                _, oldest = self._opened.popitem(last=False)
                await self._retire(oldest)
            yield opened.client
        finally:
            opened.users -= 1
            if opened.retired and not opened.users:
                await _shut(opened)

    async def _retire(self, opened: _Opened) -> None:
        opened.retired = True
        if not opened.users:
            await _shut(opened)

    def _client(self, database: int, place: Place | None) -> Redis:
        address = self.connection.address
        host, port = place or (address.host, address.port)
        return client_of(
            GrantedTls if address.tls else Granted, self.connection, database, host=host, port=port
        )


class SentinelPools(Pools):
    """The way to the primary that sentinels name. They are asked at each new connection."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.sentinels = Sentinels(connection.primary_name, connection.places, self._to_sentinel)

    def _client(self, database: int, place: Place | None) -> Redis:
        kind = FollowedTls if self.connection.address.tls else Followed
        return client_of(kind, self.connection, database, find=self.sentinels.primary)

    def _to_sentinel(self, place: Place) -> AbstractConnection:
        connection = self.connection
        return (GrantedTls if connection.address.tls else Granted)(
            host=place[0],
            port=place[1],
            username=connection.sentinel_username or None,
            password=connection.sentinel_password.get_secret_value() or None,
            **_common(connection),
        )


async def _shut(opened: _Opened) -> None:
    await opened.client.aclose()
    await opened.client.connection_pool.disconnect()


def _common(connection: Connection) -> dict[str, Any]:
    tls: dict[str, Any] = {"ssl_ca_data": connection.ca_certificate or None} if connection.address.tls else {}
    return {
        "client_name": connection.connection_name or None,
        "socket_connect_timeout": connection.connect_timeout,
        "socket_timeout": connection.command_timeout,
        # Never repeated: a push whose answer was lost would be pushed twice.
        "retry": Retry(NoBackoff(), 0),
        # RESP2: the replies have one form on every server since Redis 6, and on its forks.
        "protocol": 2,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        **tls,
    }


def client_of(kind: type[Granted], connection: Connection, database: int, **where: Any) -> Redis:
    """A client of redis-py with a pool of its own; nothing connects yet."""
    pool = BlockingConnectionPool(
        connection_class=kind,
        db=database,
        username=connection.username or None,
        password=connection.password.get_secret_value() or None,
        max_connections=POOL,
        timeout=connection.command_timeout,
        **_common(connection),
        **where,
    )
    client = Redis(connection_pool=pool)
    client.response_callbacks.clear()
    return client
