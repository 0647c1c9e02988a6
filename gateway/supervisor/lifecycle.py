"""The management acts: what an operator may do to a plugin. Each is one clear answer."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from gateway.contract.client import ConfigureResult
from gateway.definition import PluginDefinition
from gateway.errors import BadInput, Conflict, Unavailable
from gateway.model import Manifest, PluginId, PluginState, Release
from gateway.registry.boards import EventBoard
from gateway.registry.records import PluginRecord, PluginSettings
from gateway.registry.store import RegistryStore
from gateway.runtimes.base import Runtime
from gateway.supervisor.acts import Verify
from gateway.supervisor.candidates import (
    Admission,
    Candidate,
    Candidates,
    Catalog,
    ConsentNeeded,
    needs_consent,
    steps_as_events,
)
from gateway.supervisor.limits import LimitOptions
from gateway.supervisor.loop import Supervisor
from gateway.supervisor.settings_moves import Configured, SettingsMoves
from gateway.supervisor.settings_sides import same_settings
from gateway.supervisor.settings_split import find_errors, take_apart

STOP_TIMEOUT = 60.0
"""Seconds that an uninstall waits for the plugin's instances to end."""


class StillRunning(Unavailable):
    """The plugin's instances could not be stopped in time."""

    key, title = "still-running", "The plugin still runs"


class SettingsUnknown(Conflict):
    """Nobody knows yet which settings the plugin takes."""

    key, title = "settings-unknown", "The plugin's settings are not known yet"


class NoSettings(BadInput):
    key, title = "no-settings", "The plugin has no settings"


class Lifecycle:
    """Acts on one plugin come one after another; those on different plugins side by side."""

    def __init__(
        self,
        *,
        store: RegistryStore,
        supervisor: Supervisor,
        catalog: Catalog,
        admission: Admission,
        verify: Verify,
        events: EventBoard,
        runtime: Runtime,
    ) -> None:
        self._store = store
        self._supervisor = supervisor
        self._candidates = Candidates(catalog, admission)
        self._verify = verify
        self._events = events
        self._runtime = runtime
        self._moves = SettingsMoves(store, supervisor.rollouts)
        self._turns: defaultdict[PluginId, asyncio.Lock] = defaultdict(asyncio.Lock)

    def turn(self, id_: PluginId) -> asyncio.Lock:
        """Held by whoever acts on the plugin, so that acts on it never mix."""
        return self._turns[id_]

    async def preview(self, definition: PluginDefinition, *, downgrade: bool = False) -> Candidate:
        """What installing would bring, and whether the policy would let it in. Installs nothing.

        With ``downgrade`` also below the version floor.
        """
        with steps_as_events(self._events, PluginId(definition.id)):
            return await self._candidates.find(definition, downgrade=downgrade)

    async def install(
        self, definition: PluginDefinition, consent: str = "", *, downgrade: bool = False
    ) -> PluginRecord:
        """Installed or not at all; the start follows by itself, and events tell of it.

        What comes from elsewhere needs ``consent``, the id of the release that was shown; raises
        :class:`ConsentNeeded`, which shows it, without.
        """
        id_ = PluginId(definition.id)
        async with self._turns[id_]:
            candidate = await self.preview(definition, downgrade=downgrade)
            return await self._take_in(definition, candidate, consent)

    def check_kind(self, release: Release) -> None:
        """Raises ``ReleaseNotRunnable`` for a kind of release that is never run here."""
        self._runtime.check_kind(release)

    async def install_found(
        self, definition: PluginDefinition, candidate: Candidate, consent: str
    ) -> PluginRecord:
        """As :meth:`install`, where the release was found by other means than the definition's source."""
        async with self._turns[PluginId(definition.id)]:
            return await self._take_in(definition, candidate, consent)

    async def _take_in(
        self, definition: PluginDefinition, candidate: Candidate, consent: str
    ) -> PluginRecord:
        id_, release, acceptance = PluginId(definition.id), candidate.release, candidate.accepted()
        self._runtime.check_kind(release)
        if needs_consent(release) and consent != release.id:
            raise ConsentNeeded(candidate)
        await self._verify(release)
        record = PluginRecord(
            id=id_, definition=definition, release_id=release.id, pinned=definition.lock_version
        )
        await self._store.add_plugin(record, release, acceptance)
        self._candidates.forget(definition)
        if needs_consent(release):
            self._events.emit("plugin.install", id_, step="starting", text="starting")
        self._events.emit("plugin.installed", id_, version=release.version, release=release.id)
        return self._store.plugin(id_)

    async def uninstall(self, id_: PluginId, purge: bool) -> None:
        """Stop it, then forget it; its volumes and logs stay unless ``purge``.

        Raises :class:`StillRunning` where it could not be stopped: it is then switched off,
        and to call this again goes on from there.
        """
        async with self._turns[id_]:
            await self._store.update_plugin(id_, enabled=False)
            try:
                async with asyncio.timeout(STOP_TIMEOUT):
                    await self._supervisor.stopped(id_)
            except TimeoutError:
                raise StillRunning(
                    f"{id_} did not stop within {STOP_TIMEOUT:g} s.",
                    hint="See 'plugway doctor', then uninstall it again.",
                    plugin=id_,
                ) from None
            if purge:
                await self._runtime.purge(id_)
            await self._store.remove_plugin(id_)
            self._events.emit("plugin.removed", id_, purged=purge)

    async def enable(self, id_: PluginId) -> PluginRecord:
        return await self._switch(id_, enabled=True)

    async def disable(self, id_: PluginId) -> PluginRecord:
        return await self._switch(id_, enabled=False)

    async def restart(self, id_: PluginId) -> None:
        """Replace what runs; ends a quarantine."""
        if not self._store.plugin(id_).enabled:
            raise Conflict(f"{id_} is switched off.", hint=f"plugway enable {id_}", plugin=id_)
        await self._supervisor.restart(id_)

    async def limit(self, id_: PluginId, options: LimitOptions) -> PluginRecord:
        """Replace what callers may do; it holds from the next call on."""
        async with self._turns[id_]:
            limits = options.model_dump(mode="json", exclude_defaults=True)
            record = await self._store.update_plugin(id_, limits=limits)
        self._events.emit("plugin.limits", id_)
        return record

    async def configure(self, id_: PluginId, values: Mapping[str, Any], dry_run: bool) -> Configured:
        """Replace the settings as a whole, or leave all as it was and say why, field by field.

        The plugin judges where it runs, its schema where it does not. Settings that need a
        restart are brought in by a rollout where the plugin serves.
        """
        async with self._turns[id_]:
            record = self._store.plugin(id_)
            manifest = self._manifest(record)
            schema = manifest.settings_schema or {}
            settings = take_apart(schema, values, record.settings, manifest.settings_version)
            result = await self._supervisor.configure(id_, settings, dry_run=True)
            running = result is not None
            if result is None:
                errors = find_errors(schema, settings)
                result = ConfigureResult(accepted=not errors, errors=errors)
            if result.accepted:
                changed = not same_settings(settings, record.settings)
                restart = result.restart_required or (changed and manifest.settings_restart_required)
                self._moves.check(id_, restart=restart)
                if not dry_run:
                    return await self._bring_in(record, settings, restart=restart, running=running)
            return _configured(result)

    async def _bring_in(
        self, record: PluginRecord, settings: PluginSettings, *, restart: bool, running: bool
    ) -> Configured:
        """Put accepted settings into force: by handing them over, by a rollout, or by a restart."""
        result: ConfigureResult | None = None
        live = self._moves.live(record.id)
        moving = live is not None and live.changes_settings
        if moving:
            restart = True  # What is under way were overtaken half-way by anything else.
        elif running and not restart:
            result = await self._supervisor.configure(record.id, settings, dry_run=False)
            if result is not None and not result.accepted:
                return _configured(result)
            restart = bool(result and result.restart_required)
        serves = self._supervisor.status(record.id).state is PluginState.HEALTHY
        if restart and (serves or moving) and self._moves.possible(record):
            begun = await self._moves.begin(record.id, settings)
            return Configured(accepted=True, restart_required=True, rollout=begun.id)
        await self._keep(record, settings)
        if live is None and (restart or not running):
            await self._supervisor.restart(record.id)
        return Configured(accepted=True, restart_required=restart)

    async def _keep(self, record: PluginRecord, settings: PluginSettings) -> None:
        # Where this fails, the monitor sees that the plugin has other settings than the
        # registry and hands it the old ones again.
        await self._store.update_plugin(record.id, settings=settings)
        self._events.emit("plugin.settings", record.id, revision=settings.revision)

    def _manifest(self, record: PluginRecord) -> Manifest:
        manifest = self._store.release(record.release_id).manifest
        if (live := self._moves.live(record.id)) is not None:
            # Settings are the candidate's while it is moved to.
            manifest = self._store.release(live.candidate).manifest or manifest
        if manifest is None:
            raise SettingsUnknown(
                f"{record.id} has not been up yet, so nobody knows which settings it takes.",
                hint=f"Wait until it is up: plugway status {record.id}",
                plugin=record.id,
            )
        if manifest.settings_schema is None:
            raise NoSettings(f"{record.id} has no settings.", plugin=record.id)
        return manifest

    async def _switch(self, id_: PluginId, *, enabled: bool) -> PluginRecord:
        async with self._turns[id_]:
            if self._store.plugin(id_).enabled == enabled:
                return self._store.plugin(id_)
            return await self._store.update_plugin(id_, enabled=enabled)


def _configured(result: ConfigureResult) -> Configured:
    return Configured(
        accepted=result.accepted, errors=result.errors, restart_required=result.restart_required
    )
