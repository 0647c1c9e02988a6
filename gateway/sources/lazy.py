"""Sources that are made when first asked: what they need takes long to import."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from gateway.definition import PluginDefinition
from gateway.model import Release
from gateway.sources.base import CatalogEntry, ReleaseSource
from gateway.sources.evidence import Evidence

T = TypeVar("T", covariant=True)


class Lazy(Generic[T]):
    """``make`` runs once, in a thread, at the first :meth:`get`. What it raises is raised again next time."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: T | None = None
        self._making = asyncio.Lock()

    async def get(self) -> T:
        if self._made is None:
            async with self._making:
                if self._made is None:
                    self._made = await asyncio.to_thread(self._make)
        return self._made


class LazySource:
    """A source that lists nothing of itself, and is made when something is to be installed from it."""

    def __init__(self, source: Lazy[ReleaseSource]) -> None:
        self._source = source

    async def resolve(self, definition: PluginDefinition) -> Release:
        return await (await self._source.get()).resolve(definition)

    async def evidence(self, definition: PluginDefinition, release: Release) -> Evidence:
        return await (await self._source.get()).evidence(definition, release)

    async def available(self) -> Sequence[CatalogEntry]:
        return ()
