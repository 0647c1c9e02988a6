"""What the management API needs of the other parts, and no more."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping, Sequence
from typing import Any, Protocol

from gateway.definition import PluginDefinition
from gateway.model import PluginId, ReleaseId, RemoteArtifact
from gateway.registry.records import PluginRecord, ReleaseRecord, RolloutRecord
from gateway.supervisor.candidates import Candidate
from gateway.supervisor.copies import CopyNews
from gateway.supervisor.limits import LimitOptions
from gateway.supervisor.plugin_metrics import Scrape
from gateway.supervisor.recordings import Wanted
from gateway.supervisor.settings_moves import Configured
from gateway.supervisor.status import PluginStatus
from gateway.supervisor.verification import Check
from gateway.trust.standing import Standing


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
    def rollouts(self, plugin_id: PluginId | None = None, /) -> Sequence[RolloutRecord]: ...
    def floor(self, plugin_id: PluginId, /) -> str: ...
    async def ping(self) -> None:
        """Raises where the database does not answer."""
        ...


class Audit(Protocol):
    """The audit log. Each raises where the database does not answer."""

    async def append(self, content: Mapping[str, Any], /) -> int: ...
    async def newest(self, before: int, limit: int, since: float = 0.0, /) -> Sequence[dict[str, Any]]: ...
    def all(self, since: float = 0.0, /) -> AsyncGenerator[dict[str, Any], None]: ...


class Copies(Protocol):
    """Copies of plugins on authors' machines."""

    def hold(
        self, plugin_id: PluginId, user: str, artifact: RemoteArtifact, /
    ) -> AsyncIterator[CopyNews]: ...


class Recordings(Protocol):
    """Calls that are written down for somebody."""

    def hold(self, plugin_id: PluginId, wanted: Wanted, /) -> AsyncIterator[Mapping[str, Any]]: ...


class Supervisor(Protocol):
    def status(self, plugin_id: PluginId, /) -> PluginStatus: ...
    async def metrics(self) -> Sequence[Scrape]: ...
    @property
    def copies(self) -> Copies: ...
    @property
    def recordings(self) -> Recordings: ...
    def logs(self, plugin_id: PluginId, /, *, tail: int, follow: bool) -> AsyncIterator[InstanceLogLine]: ...


class Trust(Protocol):
    """How installed releases stand by the policy."""

    def standing(self, release_id: ReleaseId, /) -> Standing | None: ...


class Verification(Protocol):
    async def check(self, plugin: PluginId, /) -> Sequence[Check]: ...


class Lifecycle(Protocol):
    """The management acts. Each raises the errors of ``gateway.errors``."""

    # Cancelled where the client leaves.
    def preview(
        self, definition: PluginDefinition, /, *, downgrade: bool
    ) -> Coroutine[Any, Any, Candidate]: ...
    def install(
        self, definition: PluginDefinition, /, consent: str, *, downgrade: bool
    ) -> Coroutine[Any, Any, PluginRecord]: ...
    async def uninstall(self, plugin_id: PluginId, /, purge: bool) -> None: ...
    async def enable(self, plugin_id: PluginId, /) -> PluginRecord: ...
    async def disable(self, plugin_id: PluginId, /) -> PluginRecord: ...
    async def restart(self, plugin_id: PluginId, /) -> None: ...
    async def limit(self, plugin_id: PluginId, options: LimitOptions, /) -> PluginRecord: ...
    async def configure(
        self, plugin_id: PluginId, /, values: dict[str, Any], dry_run: bool
    ) -> Configured: ...
