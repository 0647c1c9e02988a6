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
from redis_management.settings import Connection

POOL = 8
"""Connections for each database; further calls wait their turn."""
DATABASES = 8
"""Databases with open connections; the one unused for longest is closed."""


@dataclass
class _Opened:
    client: Redis
    users: int = 0
    retired: bool = False


class Pools:
    """The way to one Redis. Nothing connects before a call needs it, so it may be away when the
    plugin starts and may come and go later."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._opened: OrderedDict[int, _Opened] = OrderedDict()

    async def close(self) -> None:
        """Close every connection once its calls are done."""
        while self._opened:
            _, opened = self._opened.popitem()
            await self._retire(opened)

    @asynccontextmanager
    async def reader(self, database: int | None) -> AsyncIterator[Reader]:
        """For looking; ``None`` is the database of the address."""
        async with self._open(database) as opened:
            yield Reader(opened.client, self.connection)

    @asynccontextmanager
    async def writer(self, database: int | None) -> AsyncIterator[Writer]:
        """For changing. Only ``Links.writer`` asks for one, which minds the read-only switch."""
        async with self._open(database) as opened:
            yield Writer(opened.client, self.connection)

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[Reader]:
        """A connection of its own, to find out whether the settings work now."""
        opened = _Opened(_client(self.connection, self.connection.address.database))
        try:
            yield Reader(opened.client, self.connection)
        finally:
            await _shut(opened)

    async def alone(self, database: int | None, *, largest: int | None = None) -> AbstractConnection:
        """A connection for one purpose, open and logged in, which the caller closes. Raises Refusal.

        With ``largest`` it takes no more than so many bytes of answers, in all.
        """
        number = self.connection.address.database if database is None else database
        pool = _client(self.connection, number).connection_pool
        made = pool.make_connection()  # type: ignore[no-untyped-call] # redis-py's
        assert isinstance(made, Granted)
        made.largest = largest
        with in_words(self.connection):
            await made.connect()  # type: ignore[no-untyped-call] # redis-py's
        return made

    @asynccontextmanager
    async def _open(self, database: int | None) -> AsyncIterator[_Opened]:
        number = self.connection.address.database if database is None else database
        opened = self._opened.get(number)
        if opened is None:
            opened = self._opened[number] = _Opened(_client(self.connection, number))
        self._opened.move_to_end(number)
        opened.users += 1
        try:
            if len(self._opened) > DATABASES:
                _, oldest = self._opened.popitem(last=False)
                await self._retire(oldest)
            yield opened
        finally:
            opened.users -= 1
            if opened.retired and not opened.users:
                await _shut(opened)

    async def _retire(self, opened: _Opened) -> None:
        opened.retired = True
        if not opened.users:
            await _shut(opened)


async def _shut(opened: _Opened) -> None:
    await opened.client.aclose()
    await opened.client.connection_pool.disconnect()


def _client(connection: Connection, database: int) -> Redis:
    address = connection.address
    tls: dict[str, Any] = {"ssl_ca_data": connection.ca_certificate or None} if address.tls else {}
    pool = BlockingConnectionPool(
        connection_class=GrantedTls if address.tls else Granted,
        host=address.host,
        port=address.port,
        db=database,
        username=connection.username or None,
        password=connection.password.get_secret_value() or None,
        client_name=connection.connection_name or None,
        socket_connect_timeout=connection.connect_timeout,
        socket_timeout=connection.command_timeout,
        # Never repeated: a push whose answer was lost would be pushed twice.
        retry=Retry(NoBackoff(), 0),
        # RESP2: the replies have one form on every server since Redis 6, and on its forks.
        protocol=2,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
        max_connections=POOL,
        timeout=connection.command_timeout,
        **tls,
    )
    client = Redis(connection_pool=pool)
    client.response_callbacks.clear()
    return client
