"""The ways to all Redis servers under the settings in force."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from plugway_sdk.web.connections import Connections

from redis_management.cluster import ClusterPools
from redis_management.link import Reader, Writer
from redis_management.pools import Pools, SentinelPools
from redis_management.problems import NotConfigured
from redis_management.settings import Connection, Settings

_KINDS = {"server": Pools, "cluster": ClusterPools, "sentinel": SentinelPools}


class Links(Connections[Connection]):
    """One :class:`Pools` for each connection, made when first needed."""

    def __init__(self) -> None:
        super().__init__(Settings(), "Redis", NotConfigured)
        self._open: dict[str, Pools] = {}

    async def use(self, settings: Settings) -> None:
        """Take new settings. Calls that run finish under the old ones."""
        self.settings = settings
        await self.close()

    async def close(self) -> None:
        """Close every connection once its calls are done."""
        while self._open:
            await self._open.popitem()[1].close()

    @asynccontextmanager
    async def reader(self, name: str, database: int | None, node: str = "") -> AsyncIterator[Reader]:
        """For looking; a database of ``None`` is that of the address."""
        async with self.pools(name).reader(database, node) as reader:
            yield reader

    @asynccontextmanager
    async def writer(self, name: str, database: int | None, node: str = "") -> AsyncIterator[Writer]:
        """For changing; raises ReadOnly while the connection's switch is on."""
        self.pick_writable(name)
        async with self.pools(name).writer(database, node) as writer:
            yield writer

    def pools(self, name: str) -> Pools:
        """The way to one of them."""
        chosen, connection = self.pick(name)
        pools = self._open.get(chosen)
        if pools is None:
            pools = self._open[chosen] = _KINDS[connection.kind](connection)
        return pools
