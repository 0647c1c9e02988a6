"""What the management API needs of the other parts, and no more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from gateway.contract.client import ConfigureResult
from gateway.definition import PluginDefinition
from gateway.model import PluginId, ReleaseId
from gateway.registry.records import PluginRecord, ReleaseRecord
from gateway.sources.base import CatalogEntry
from gateway.supervisor.status import PluginStatus


class InstanceLogLine(Protocol):
    """One line of output; ``at`` is Unix time, 0 where unknown."""

    @property
    def at(self) -> float: ...
    @property
    def instance(self) -> str: ...
    @property
    def text(self) -> str: ...


class Store(Protocol):
    """The registry's in-memory copy. ``plugin`` and ``release`` raise ``NotFound``."""

    def plugins(self) -> Sequence[PluginRecord]: ...
    def plugin(self, plugin_id: PluginId, /) -> PluginRecord: ...
    def release(self, release_id: ReleaseId, /) -> ReleaseRecord: ...
    def releases(self, plugin_id: PluginId, /) -> Sequence[ReleaseRecord]: ...
    async def ping(self) -> None:
        """Raises where the database does not answer."""
        ...


class Supervisor(Protocol):
    def status(self, plugin_id: PluginId, /) -> PluginStatus: ...
    def logs(self, plugin_id: PluginId, /, *, tail: int, follow: bool) -> AsyncIterator[InstanceLogLine]: ...


class Lifecycle(Protocol):
    """The management acts. Each raises the errors of ``gateway.errors``."""

    async def install(self, definition: PluginDefinition, /) -> PluginRecord: ...
    async def uninstall(self, plugin_id: PluginId, /, purge: bool) -> None: ...
    async def enable(self, plugin_id: PluginId, /) -> None: ...
    async def disable(self, plugin_id: PluginId, /) -> None: ...
    async def restart(self, plugin_id: PluginId, /) -> None: ...
    async def configure(
        self, plugin_id: PluginId, /, values: dict[str, Any], dry_run: bool
    ) -> ConfigureResult: ...


class Catalog(Protocol):
    async def available(self) -> Sequence[CatalogEntry]: ...
