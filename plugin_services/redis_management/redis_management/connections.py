"""Connections to Redis: one small pool for each database, made when first needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from redis_management.granted import Granted, GrantedTls
from redis_management.link import Reader, Writer
from redis_management.problems import NotConfigured, ReadOnly
from redis_management.settings import Settings

POOL = 8
"""Connections for each database; further calls wait their turn."""
DATABASES = 8
"""Databases with open connections; the one unused for longest is closed."""


@dataclass
class _Opened:
    client: Redis
    settings: Settings
    users: int = 0
    retired: bool = False


class Connections:
    """The way to Redis under the settings in force. Nothing connects before a call needs it,
    so Redis may be away when the plugin starts and may come and go later."""

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._opened: OrderedDict[int, _Opened] = OrderedDict()

    @property
    def settings(self) -> Settings:
        """The settings in force; raises NotConfigured where there are none."""
        if self._settings is None:
            raise NotConfigured(
                "The plugin does not know yet which Redis to manage.",
                hint="Enter its address in the plugin's settings.",
            )
        return self._settings

    async def use(self, settings: Settings) -> None:
        """Take new settings. Calls that run finish under the old ones."""
        self._settings = settings
        await self.close()

    async def close(self) -> None:
        """Close every connection once its calls are done."""
        while self._opened:
            _, opened = self._opened.popitem()
            await self._retire(opened)

    @asynccontextmanager
    async def reader(self, database: int | None) -> AsyncIterator[Reader]:
        """For looking; ``None`` is the database of the address."""
        async with self._open(database) as opened:
            yield Reader(opened.client, opened.settings)

    @asynccontextmanager
    async def writer(self, database: int | None) -> AsyncIterator[Writer]:
        """For changing; raises ReadOnly while the read-only switch is on."""
        if self.settings.read_only:
            raise ReadOnly(
                "The plugin is set to read only.",
                hint="An administrator can switch this off in the plugin's settings.",
            )
        async with self._open(database) as opened:
            yield Writer(opened.client, opened.settings)

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[Reader]:
        """A connection of its own, to find out whether the settings work now."""
        settings = self.settings
        opened = _Opened(_client(settings, settings.address.database), settings)
        try:
            yield Reader(opened.client, settings)
        finally:
            await _shut(opened)

    @asynccontextmanager
    async def _open(self, database: int | None) -> AsyncIterator[_Opened]:
        settings = self.settings
        number = settings.address.database if database is None else database
        opened = self._opened.get(number)
        if opened is None:
            opened = self._opened[number] = _Opened(_client(settings, number), settings)
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


def _client(settings: Settings, database: int) -> Redis:
    address = settings.address
    tls: dict[str, Any] = {"ssl_ca_data": settings.ca_certificate or None} if address.tls else {}
    pool = BlockingConnectionPool(
        connection_class=GrantedTls if address.tls else Granted,
        host=address.host,
        port=address.port,
        db=database,
        username=settings.username or None,
        password=settings.password.get_secret_value() or None,
        client_name=settings.connection_name or None,
        socket_connect_timeout=settings.connect_timeout,
        socket_timeout=settings.command_timeout,
        # Never repeated: a push whose answer was lost would be pushed twice.
        retry=Retry(NoBackoff(), 0),
        # RESP2: the replies have one form on every server since Redis 6, and on its forks.
        protocol=2,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
        max_connections=POOL,
        timeout=settings.command_timeout,
        **tls,
    )
    client = Redis(connection_pool=pool)
    client.response_callbacks.clear()
    return client
