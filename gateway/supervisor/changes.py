"""Which plugins have changed in the registry since somebody looked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from gateway.model import PluginId
from gateway.registry.store import RegistryStore


class ChangedPlugins:
    """For one reader. Times in seconds."""

    def __init__(self, store: RegistryStore) -> None:
        self._store = store
        self._ids: set[PluginId] = set()
        self._some = asyncio.Event()
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        self._unsubscribe = self._store.subscribe(self._add)

    def stop(self) -> None:
        self._unsubscribe()

    def _add(self, id_: PluginId) -> None:
        self._ids.add(id_)
        self._some.set()

    async def wait(self, longest: float | None = None) -> None:
        """Until one has changed, or so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await self._some.wait()

    async def wait_for_calm(self, calm: float) -> None:
        """Until one has changed, and then none for so long."""
        await self._some.wait()
        while self._some.is_set():
            self._some.clear()
            await self.wait(calm)

    def take(self) -> list[PluginId]:
        """In the order of their ids; they are forgotten here."""
        self._some.clear()
        taken, self._ids = sorted(self._ids), set()
        return taken
