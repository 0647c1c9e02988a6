"""The ways to all Redis servers under the settings in force."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis_management.cluster import ClusterPools
from redis_management.link import Reader, Writer
from redis_management.pools import Pools, SentinelPools
from redis_management.problems import NoSuchConnection, NotConfigured, ReadOnly
from redis_management.settings import Connection, Settings

_KINDS = {"server": Pools, "cluster": ClusterPools, "sentinel": SentinelPools}


class Links:
    """One :class:`Pools` for each connection, made when first needed."""

    def __init__(self) -> None:
        self._settings = Settings()
        self._open: dict[str, Pools] = {}

    @property
    def settings(self) -> Settings:
        return self._settings

    async def use(self, settings: Settings) -> None:
        """Take new settings. Calls that run finish under the old ones."""
        self._settings = settings
        await self.close()

    async def close(self) -> None:
        """Close every connection once its calls are done."""
        while self._open:
            await self._open.popitem()[1].close()

    def pick(self, name: str) -> tuple[str, Connection]:
        """The connection of that name, or the default; raises NotConfigured or NoSuchConnection."""
        known = self._settings.connections
        if not known:
            raise NotConfigured(
                "The plugin does not know yet which Redis to manage.",
                hint="Add a connection in the plugin's settings.",
            )
        chosen = name or self._settings.first
        if chosen not in known:
            raise NoSuchConnection(
                f"There is no connection named '{chosen}'.", hint=f"There are: {', '.join(sorted(known))}."
            )
        return chosen, known[chosen]

    @asynccontextmanager
    async def reader(self, name: str, database: int | None, node: str = "") -> AsyncIterator[Reader]:
        """For looking; a database of ``None`` is that of the address."""
        async with self.pools(name).reader(database, node) as reader:
            yield reader

    @asynccontextmanager
    async def writer(self, name: str, database: int | None, node: str = "") -> AsyncIterator[Writer]:
        """For changing; raises ReadOnly while the connection's switch is on."""
        self.require_writable(name)
        async with self.pools(name).writer(database, node) as writer:
            yield writer

    def require_writable(self, name: str) -> None:
        """Raises ReadOnly while the connection's switch is on."""
        chosen, connection = self.pick(name)
        if connection.read_only:
            raise ReadOnly(
                f"The connection '{chosen}' is set to read only.",
                hint="An administrator can switch this off in the plugin's settings.",
            )

    def pools(self, name: str) -> Pools:
        """The way to one of them."""
        chosen, connection = self.pick(name)
        pools = self._open.get(chosen)
        if pools is None:
            pools = self._open[chosen] = _KINDS[connection.kind](connection)
        return pools
