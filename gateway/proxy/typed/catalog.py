"""The typed services of the releases that take calls, read when the first call comes."""

from __future__ import annotations

import asyncio
import weakref
from pathlib import Path
from typing import Protocol

from gateway.errors import PlugwayError
from gateway.model import TypedServices
from gateway.proxy.typed.api import TypedApi
from gateway.proxy.typed.errors import ServicesUnknown


class HasPath(Protocol):
    """What is asked of the content store."""

    def path(self, digest: str) -> Path: ...


class TypedRelease:
    """The services of one release. ``api`` is None until :meth:`load` has read them."""

    __slots__ = ("__weakref__", "_content", "_lock", "api", "services")

    def __init__(self, services: TypedServices, content: HasPath) -> None:
        self.services = services
        self._content = content
        self._lock = asyncio.Lock()
        self.api: TypedApi | None = None

    async def load(self) -> TypedApi:
        """Raises :class:`ServicesUnknown`."""
        async with self._lock:
            if self.api is None:
                self.api = await asyncio.to_thread(self._read)
            return self.api

    def _read(self) -> TypedApi:
        try:
            data = self._content.path(self.services.descriptors).read_bytes()
            return TypedApi(data, self.services.names)
        except (OSError, PlugwayError) as error:
            why = error.detail if isinstance(error, PlugwayError) else error.strerror
            raise ServicesUnknown(f"The descriptors of its services cannot be read: {why}") from error


class TypedCatalog:
    """Releases with the same services share them, over all snapshots that name them."""

    def __init__(self, content: HasPath) -> None:
        self._content = content
        self._known: weakref.WeakValueDictionary[TypedServices, TypedRelease] = weakref.WeakValueDictionary()

    def of(self, services: TypedServices | None) -> TypedRelease | None:
        if services is None or not services.descriptors:
            return None
        found = self._known.get(services)
        if found is None:
            found = self._known[services] = TypedRelease(services, self._content)
        return found
