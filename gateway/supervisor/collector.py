"""Lets go of what rollouts leave behind: old releases, their images and logs, UI files nobody names.

Kept are the release in use, those of a live rollout, and the last stable ones, for a rollback.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

from gateway.errors import NotFound, PlugwayError
from gateway.model import PluginId, ReleaseId
from gateway.registry.records import PluginRecord, ReleaseRecord, RolloutRecord
from gateway.registry.store import RegistryStore
from gateway.runtimes.base import Runtime
from gateway.supervisor.changes import ChangedPlugins
from gateway.supervisor.rollout import Phase
from gateway.supervisor.rollout_codec import decode
from gateway.supervisor.rollout_history import stable_steps
from gateway.supervisor.settings_form import saved_with

log = logging.getLogger(__name__)

KEPT_STABLE = 3
"""Stable releases before the one in use that stay at hand for a rollback."""

KEPT_ROLLOUTS = 50
"""Rollouts of a plugin that are remembered at least."""

_CALM = 0.5
_EVERY = 3600.0


class Content(Protocol):
    """The part of the content store that is needed here."""

    async def collect(self, keep: Collection[str]) -> None:
        """Remove what has another digest than these, and is not fresh."""
        ...


def needed_releases(record: PluginRecord, history: Sequence[RolloutRecord]) -> frozenset[ReleaseId]:
    """The releases of the plugin that have to stay; ``history`` is newest first. Pure."""
    needed = {record.release_id, *stable_steps(record.release_id, history)[-KEPT_STABLE:]}
    for kept in history:
        if kept.live:
            rollout = decode(kept)
            needed |= {rollout.stable, rollout.candidate}
    return frozenset(needed)


def used_releases(store: RegistryStore, id_: PluginId) -> frozenset[ReleaseId]:
    """Those that are needed, those that still run, and the one in whose form the settings are."""
    plugin = store.plugin(id_)
    needed = needed_releases(plugin, store.rollouts(id_))
    used = needed | {record.release_id for record in store.instances(id_)}
    form = saved_with(store, id_, plugin.settings, plugin.release_id)
    now = store.release(plugin.release_id).manifest
    if form is None or (now is not None and now.settings_version == plugin.settings.schema_version):
        return used
    return used | {form.release.id}


def spent_rollouts(history: Sequence[RolloutRecord], needed: Collection[ReleaseId]) -> list[str]:
    """Rollouts that can be forgotten: old ones that are no step back to a release at hand. Pure."""
    spent = []
    for record in history[KEPT_ROLLOUTS:]:
        rollout = decode(record)
        moved = rollout.phase is Phase.SUCCEEDED and not rollout.changes_settings
        leads_back = moved and rollout.stable in needed
        if not record.live and not leads_back:
            spent.append(record.id)
    return spent


class Collector:
    """``turn`` keeps other acts on the same plugin apart: none may begin to use what goes."""

    def __init__(
        self,
        store: RegistryStore,
        runtime: Runtime,
        content: Content,
        turn: Callable[[PluginId], asyncio.Lock],
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._content = content
        self._turn = turn
        self._changed = ChangedPlugins(store)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look at every plugin once, then at those that change."""
        self._changed.start()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        self._changed.stop()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        # What a killed gateway had forgotten already may have images left.
        for record in self._store.plugins():
            await self._collect(record.id, always=True)
        while True:
            await self._changed.wait(_EVERY)
            await asyncio.sleep(_CALM)
            changed = self._changed.take()
            for id_ in changed or [record.id for record in self._store.plugins()]:
                await self._collect(id_, always=not changed)

    async def _collect(self, id_: PluginId, *, always: bool) -> None:
        try:
            if await self._forget(id_) or always:
                releases = [known.release.id for known in self._store.releases(id_)]
                await self._runtime.collect(id_, releases)
                await self._content.collect(self._digests())
        except NotFound:
            return  # Uninstalled a moment ago.
        except PlugwayError as error:
            log.warning("What old releases of %s left stays for now: %s", id_, error.detail)
        except Exception:  # It is tried again, and nothing depends on it.
            log.exception("Letting go of old releases of %s failed.", id_)

    async def _forget(self, id_: PluginId) -> bool:
        """Drop old releases from the registry; says whether there were any."""
        async with self._turn(id_):
            history = self._store.rollouts(id_)
            needed = needed_releases(self._store.plugin(id_), history)
            used = used_releases(self._store, id_)
            old = [known.release.id for known in self._store.releases(id_) if known.release.id not in used]
            spent = spent_rollouts(history, needed)
            if old or spent:
                await self._store.forget(id_, releases=old, rollouts=spent)
            return bool(old)

    def _digests(self) -> frozenset[str]:
        plugins = self._store.plugins()
        return content_digests(known for plugin in plugins for known in self._store.releases(plugin.id))


def content_digests(releases: Iterable[ReleaseRecord]) -> frozenset[str]:
    """What of the content store these releases need."""
    needed: set[str] = set()
    for known in releases:
        if known.ui is not None:
            needed.update(known.ui.files.values(), known.ui.packed.digests if known.ui.packed else ())
        if known.manifest is not None and known.manifest.typed is not None:
            needed.add(known.manifest.typed.descriptors)
    return frozenset(needed)
