"""What an operator may ask about rollouts: each is one clear answer."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gateway.definition import PluginDefinition
from gateway.errors import Conflict
from gateway.model import PluginId, Release, RemoteArtifact
from gateway.registry.boards import EventBoard
from gateway.registry.records import Acceptance, PluginRecord, RolloutRecord
from gateway.registry.store import RegistryStore
from gateway.supervisor import rollout_commands as commands
from gateway.supervisor.acts import Verify
from gateway.supervisor.candidates import Admission, Catalog, resolve, steps_as_events
from gateway.supervisor.rollout import Phase, Plan, Rollout, Seen, Strategy
from gateway.supervisor.rollout_codec import decode
from gateway.supervisor.rollout_history import step_back
from gateway.supervisor.rollout_request import RolloutOptions, make_plan
from gateway.supervisor.rollouts import NoRollout, Rollouts
from gateway.supervisor.settings_moves import SettingsMoves
from gateway.supervisor.settings_sides import restored, settings_with


class Pinned(Conflict):
    """The plugin is held at its release."""

    key, title = "pinned", "The plugin is pinned"


class NotMovable(Conflict):
    """The plugin cannot be moved to another release now."""

    key, title = "not-movable", "No rollout is possible"


class RolloutActs:
    """Begins, steers and ends rollouts. ``turn`` keeps other acts on the same plugin apart."""

    def __init__(
        self,
        *,
        store: RegistryStore,
        rollouts: Rollouts,
        catalog: Catalog,
        admission: Admission,
        verify: Verify,
        events: EventBoard,
        turn: Callable[[PluginId], asyncio.Lock],
    ) -> None:
        self._store = store
        self.rollouts = rollouts
        self._catalog = catalog
        self._admission = admission
        self._verify = verify
        self._events = events
        self._turn = turn
        self._moves = SettingsMoves(store, rollouts)

    async def begin(
        self,
        id_: PluginId,
        version: str,
        options: RolloutOptions,
        *,
        consent: bool = False,
        definition: PluginDefinition | None = None,
        downgrade: bool = False,
    ) -> RolloutRecord:
        """Ask for a move to ``version``; what is found wrong with it ends it, and events tell.

        ``definition`` says how to get it, where that differs by more than the version from how the
        plugin was installed; once the rollout has succeeded it is the plugin's. ``downgrade`` lets it go
        below the version floor.
        """
        async with self._turn(id_):
            record = self._movable(id_)
            plan = make_plan(options, record.rollout_defaults)
            wanted = definition or record.definition.model_copy(update={"version": version})
            with steps_as_events(self._events, id_):
                release = await resolve(self._catalog, wanted)
            if release.id == record.release_id:
                raise NotMovable(
                    f"{id_} is at this release already: {release.version} ({release.id}).",
                    plugin=id_,
                    hint=f"plugway status {id_} shows its releases.",
                )
            acceptance = await self._admission.accept(wanted, release, downgrade=downgrade)
            return await self._begin(
                record, release, plan, consent=consent, definition=definition, acceptance=acceptance
            )

    async def rollback(self, id_: PluginId) -> RolloutRecord:
        """Go back: end the rollout under way, or undo the last one that stayed.

        Where that moved to this release, the settings that were in force with the release before
        come back with it; where it brought in settings alone, the settings before them do.
        """
        async with self._turn(id_):
            record = self._managed(id_)
            if (live := self.rollouts.live(id_)) is not None:
                return await self.abort(live.id, reason="A rollback was asked for.", force=True)
            known = [kept.release.id for kept in self._store.releases(id_)]
            step = step_back(record.release_id, record.settings, self._store.rollouts(id_), known)
            if step is None:
                raise NotMovable(
                    f"{id_} has no stable release before {record.release_id}.",
                    plugin=id_,
                    hint=f"Name a version instead: plugway rollout {id_} VERSION",
                )
            plan = _straight_back(record)
            if step.settings is not None:
                return await self._moves.begin(id_, step.settings, plan, is_rollback=True)
            release = self._store.release(step.release).release
            return await self._begin(self._movable(id_), release, plan, consent=True, is_rollback=True)

    async def promote(self, id_: str, *, consent: bool) -> RolloutRecord:
        """Skip what is left and switch; with ``consent`` also over what holds it."""

        def change(rollout: Rollout, seen: Seen) -> Rollout:
            if consent and rollout.phase is Phase.PAUSED and rollout.held_for and not rollout.approved:
                return commands.approve(rollout, self.rollouts.now)
            return commands.promote(rollout, seen, self.rollouts.now, consent=consent)

        return await self.rollouts.command(id_, change)

    async def pause(self, id_: str) -> RolloutRecord:
        return await self.rollouts.command(id_, lambda r, _: commands.pause(r, self.rollouts.now))

    async def resume(self, id_: str) -> RolloutRecord:
        return await self.rollouts.command(id_, lambda r, _: commands.resume(r, self.rollouts.now))

    async def abort(self, id_: str, *, reason: str = "", force: bool = False) -> RolloutRecord:
        return await self.rollouts.command(
            id_, lambda r, seen: commands.abort(r, seen, self.rollouts.now, reason=reason, force=force)
        )

    async def set_pinned(self, id_: PluginId, *, pinned: bool) -> PluginRecord:
        """Hold the plugin at its release, digest and all, or let it go."""
        async with self._turn(id_):
            record = self._store.plugin(id_)
            if pinned and self.rollouts.live(id_) is not None:
                raise NotMovable(
                    f"A rollout of {id_} is under way.",
                    plugin=id_,
                    hint="Pin it when it has ended, or abort it.",
                )
            return record if record.pinned == pinned else await self._store.update_plugin(id_, pinned=pinned)

    async def set_defaults(self, id_: PluginId, options: RolloutOptions) -> PluginRecord:
        """What rollouts of this plugin take where a request says nothing."""
        async with self._turn(id_):
            make_plan(options, {})
            record = await self._store.update_plugin(
                id_, rollout_defaults=options.model_dump(mode="json", exclude_none=True)
            )
            self.rollouts.check_soon(id_)
            return record

    def live(self, id_: PluginId) -> RolloutRecord:
        """The one under way; raises :class:`NoRollout`."""
        self._store.plugin(id_)
        found = self.rollouts.live(id_)
        if found is None:
            raise NoRollout(
                f"No rollout of {id_} is under way.",
                plugin=id_,
                hint=f"Begin one: plugway rollout {id_} VERSION",
            )
        return found

    def _movable(self, id_: PluginId) -> PluginRecord:
        record = self._managed(id_)
        if record.pinned:
            version = self._store.release(record.release_id).release.version
            raise Pinned(
                f"{id_} is pinned to {version} ({record.release_id}).",
                plugin=id_,
                hint=f"plugway unpin {id_}",
            )
        return record

    def _managed(self, id_: PluginId) -> PluginRecord:
        record = self._store.plugin(id_)
        release = self._store.release(record.release_id).release
        if isinstance(release.artifact, RemoteArtifact):
            raise NotMovable(
                f"{id_} is run elsewhere, so its releases change there.",
                plugin=id_,
                hint="Update it where it runs.",
            )
        if not record.enabled:
            raise NotMovable(f"{id_} is switched off.", plugin=id_, hint=f"plugway enable {id_}")
        return record

    async def _begin(
        self,
        record: PluginRecord,
        release: Release,
        plan: Plan,
        *,
        consent: bool,
        is_rollback: bool = False,
        definition: PluginDefinition | None = None,
        acceptance: Acceptance | None = None,
    ) -> RolloutRecord:
        if (live := self.rollouts.live(record.id)) is not None:
            await self._supersede(live, release)
        await self._verify(release)
        await self._store.add_release(release, acceptance)
        rollout = Rollout(
            id=f"{record.id}-{secrets.token_hex(4)}",
            plugin_id=record.id,
            stable=record.release_id,
            candidate=release.id,
            stable_slot=record.slot,
            stable_version=self._store.release(record.release_id).release.version,
            candidate_version=release.version,
            plan=plan,
            approved=consent,
            is_rollback=is_rollback,
            definition=_document(definition),
        )
        settings = self._store.plugin(record.id).settings
        if is_rollback:
            settings = restored(settings, settings_with(release.id, self._store.rollouts(record.id)))
        return await self.rollouts.begin(rollout, settings)

    async def _supersede(self, live: RolloutRecord, release: Release) -> None:
        if decode(live).candidate == release.id:
            raise NotMovable(
                f"A rollout of {live.plugin_id} to this release is under way already: {live.id}.",
                plugin=live.plugin_id,
                hint=f"plugway status {live.plugin_id}",
            )
        await self.rollouts.command(live.id, lambda r, _: commands.supersede(r, self.rollouts.now))


def _document(definition: PluginDefinition | None) -> dict[str, Any] | None:
    if definition is None:
        return None
    return definition.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _straight_back(record: PluginRecord) -> Plan:
    """At once, to what was proven before; in the plugin's own times where they matter to that."""
    usual = make_plan(RolloutOptions(), record.rollout_defaults)
    timing = replace(usual.timing, min_healthy=min(1.0, usual.timing.min_healthy), bake=0.0)
    return Plan(strategy=Strategy.DIRECT, timing=timing)
