"""Shipped plugins after an edit or an upgrade: at start, the registry follows their directories.

A built-in release is what lay in its directory when it was installed. When the files change,
that release can be started no more: so the gateway takes what is there now. What does not run
is taken at once; what was adopted and runs is moved by a rollout, which can go back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import PlugwayError, Unavailable
from gateway.model import (
    DirectoryArtifact,
    InstanceState,
    PluginId,
    Release,
    ReleaseId,
    Source,
    VerifiedRelease,
)
from gateway.registry.boards import EventBoard
from gateway.registry.records import PluginRecord
from gateway.registry.store import RegistryStore
from gateway.runtimes.base import Runtime
from gateway.sources.base import NotInCatalog
from gateway.sources.manifest_file import FILE, read_manifest_file
from gateway.supervisor.candidates import Catalog
from gateway.supervisor.rollout import Phase, Rollout, Strategy
from gateway.supervisor.rollout_acts import RolloutActs
from gateway.supervisor.rollout_codec import decode
from gateway.supervisor.rollout_request import RolloutOptions
from gateway.trust.verify import ReleaseChanged, verify_release
from gateway.unchanged import Unchanged

LIST_TIMEOUT = 10.0
"""Seconds for the runtime to say what runs; without its answer nothing is changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    plugin: PluginId
    before: Release
    after: Release

    def __str__(self) -> str:
        if self.before.version != self.after.version:
            return f"its directory holds version {self.after.version} now, not {self.before.version}"
        return f"the files of version {self.after.version} were changed"


class Refresh:
    """One look at each start: :meth:`take` before the supervisor begins, :meth:`move` after it.

    Nothing is tried over and over: what was rolled back once is not moved to again.
    ``announce`` tells the operator's terminal.
    """

    def __init__(
        self,
        *,
        store: RegistryStore,
        catalog: Catalog,
        runtime: Runtime,
        events: EventBoard,
        announce: Callable[[str, str], None],
        unchanged: Unchanged | None = None,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._runtime = runtime
        self._events = events
        self._announce = announce
        self._unchanged = unchanged
        self._moves: list[_Change] = []
        self._reasons: dict[PluginId, str] = {}

    async def take(self) -> None:
        """Follow the directories of all plugins that do not run; note those that do."""
        changes = [change for record in self._store.plugins() if (change := await self._change(record))]
        if not changes:
            return
        try:
            async with asyncio.timeout(LIST_TIMEOUT):
                listed = await self._runtime.list()
        except (TimeoutError, Unavailable):
            for change in changes:
                self._leave(change.plugin, f"{change}; it is left, as the runtime does not say what runs.")
            return
        running = {instance.release_id for instance in listed if instance.state is not InstanceState.EXITED}
        for change in changes:
            await self._follow(change, running)

    async def move(self, acts: RolloutActs) -> None:
        """Begin a direct rollout for each plugin that runs and has changed."""
        for change in self._moves:
            try:
                await acts.begin(
                    change.plugin, change.after.version, RolloutOptions(strategy=Strategy.DIRECT, steps=[])
                )
            except PlugwayError as error:
                self._leave(change.plugin, f"{change}; it was not moved: {error.detail}")
            else:
                self._tell(change.plugin, f"{change}; a rollout to what is there now has begun", "moving")
        self._moves = []

    async def verify(self, release: Release) -> VerifiedRelease:
        """As :func:`verify_release`, and says what to do where the files are others than installed."""
        try:
            return await verify_release(release, self._unchanged)
        except ReleaseChanged as error:
            id_ = release.plugin_id
            reason = self._reasons.get(id_) or _what_to_do(self._store.plugin(id_), release)
            raise ReleaseChanged(f"{error.detail} {reason}", hint=error.hint, plugin=id_) from error

    # One plugin -------------------------------------------------------------------

    async def _change(self, record: PluginRecord) -> _Change | None:
        before = self._store.release(record.release_id).release
        # What was fetched from elsewhere is not asked for again: it lies here under its digest.
        if before.source is not Source.BUILT_IN or not isinstance(before.artifact, DirectoryArtifact):
            return None
        try:
            after = await self._resolve(record, before, Path(before.artifact.path))
        except PlugwayError as error:
            fields = "".join(f" {place}: {what}." for place, what in sorted(error.fields.items()))
            self._leave(record.id, f"What is there now cannot be taken: {error.detail}{fields}")
            return None
        if after.id != before.id:
            return _Change(plugin=record.id, before=before, after=after)
        if after.artifact != before.artifact:
            await self._store.relocate_release(after)
        return None

    async def _resolve(self, record: PluginRecord, before: Release, directory: Path) -> Release:
        """What its own directory holds now; where that is gone, its version elsewhere, else the highest."""
        version = before.version
        if await asyncio.to_thread((directory / FILE).exists):
            manifest = await asyncio.to_thread(read_manifest_file, directory)
            version = manifest.version if manifest.id == record.id else version
        definition = record.definition
        with suppress(NotInCatalog):
            return await self._catalog.resolve(definition.model_copy(update={"version": version}))
        return await self._catalog.resolve(definition.model_copy(update={"version": ""}))

    async def _follow(self, change: _Change, running: set[ReleaseId]) -> None:
        record = self._store.plugin(change.plugin)
        rollouts = self._store.rollouts(change.plugin)
        if record.pinned:
            self._leave(change.plugin, f"It is pinned, and {change}. {_what_to_do(record, change.after)}")
        elif any(rollout.live for rollout in rollouts):
            self._leave(change.plugin, f"{change}; it is left to the rollout that is under way.")
        elif change.before.id not in running:
            await self._store.add_release(change.after)
            await self._store.update_plugin(change.plugin, release_id=change.after.id)
            self._tell(change.plugin, f"{change}; that is what is started now{_more(change)}", "taken")
        elif any(_went_back(decode(rollout), change.after.id) for rollout in rollouts):
            self._leave(
                change.plugin,
                f"{change}, but a rollout to that took itself back before. "
                f"To try again: plugway rollout {change.plugin} {change.after.version}",
            )
        else:
            self._moves.append(change)

    def _leave(self, plugin: PluginId, reason: str) -> None:
        self._reasons[plugin] = reason
        self._tell(plugin, reason, "left")

    def _tell(self, plugin: PluginId, text: str, outcome: str) -> None:
        text = text[:1].upper() + text[1:]
        self._announce(plugin, text)
        self._events.emit("plugin.refresh", plugin, outcome=outcome, text=text)


def _went_back(rollout: Rollout, to: ReleaseId) -> bool:
    return rollout.candidate == to and rollout.phase is Phase.ROLLED_BACK


def _what_to_do(record: PluginRecord, there: Release) -> str:
    if record.pinned:
        return (
            "Put the files back as they were; or take what is there now: "
            f"plugway unpin {record.id}, then plugway rollout {record.id} {there.version}"
        )
    return f"To take what is there now: plugway rollout {record.id} {there.version}"


def _more(change: _Change) -> str:
    """Permissions that the new release has beyond the old one's; the operator's own files grant them."""
    more = change.after.permissions.exceeds(change.before.permissions)
    wanted = [*more.egress, *(f"volume {name}" for name in more.volumes), *more.origins]
    return f", with new permissions: {', '.join(wanted)}" if wanted else ""
