"""Driving the rollouts that are under way: look, advance, keep, and only then act.

The store is the only memory: a rollout is read from it before each step and written before
anything follows from it, so a gateway killed anywhere goes on from the last transition.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from gateway.clock import SteadyClock
from gateway.definition import parse_definition
from gateway.errors import NotFound
from gateway.model import InstanceId, PluginId
from gateway.registry.boards import EventBoard, OutcomeBoard, SnapshotBoard
from gateway.registry.records import PluginRecord, PluginSettings, RolloutRecord
from gateway.registry.store import RegistryStore
from gateway.supervisor.analysis import verdict
from gateway.supervisor.consent import further
from gateway.supervisor.findings import Findings
from gateway.supervisor.plan import DesiredPlugin
from gateway.supervisor.rollout import EXPOSED, TERMINAL, Phase, Rollout, Seen, advance
from gateway.supervisor.rollout_codec import decode, encode
from gateway.supervisor.rollout_desired import desired_by, instances
from gateway.supervisor.settings_sides import restored
from gateway.supervisor.tracks import Track
from gateway.windows import Window

_CHAIN = 6
"""Transitions that one look may make; more would be a loop in the machine."""

_LOOK_AGAIN = 0.2

Tracks = Mapping[InstanceId, Track]
Change = Callable[[Rollout, Seen], Rollout]


class NoRollout(NotFound):
    """There is no rollout of that name, or none under way."""

    key, title = "no-rollout", "No such rollout"


class Rollouts:
    """``tracks`` are the supervisor's; ``clock`` is the one that stored deadlines are on."""

    def __init__(
        self,
        store: RegistryStore,
        snapshots: SnapshotBoard,
        outcomes: OutcomeBoard,
        events: EventBoard,
        tracks: Tracks,
        clock: SteadyClock,
        *,
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._snapshots = snapshots
        self._outcomes = outcomes
        self._events = events
        self._tracks = tracks
        self._clock = clock
        self._wake = wake
        self._findings = Findings(store)
        # Read, decide and keep in one turn: what an operator asked for is not overwritten by a look.
        self._turn = asyncio.Lock()

    @property
    def now(self) -> float:
        """Steady seconds, for those who make transitions."""
        return self._clock.now()

    def live(self, plugin: PluginId) -> RolloutRecord | None:
        """The one under way; a plugin has at most one."""
        return next((record for record in self._store.rollouts(plugin) if record.live), None)

    def find(self, id_: str) -> RolloutRecord:
        """Raises :class:`NoRollout`."""
        for record in self._store.rollouts():
            if record.id == id_:
                return record
        raise NoRollout(f"There is no rollout '{id_}'.", hint="plugway status ID lists a plugin's rollouts.")

    def desired(self, record: PluginRecord) -> DesiredPlugin | None:
        """What a rollout wants to run of the plugin; None where none is under way."""
        found = self.live(record.id)
        if found is None:
            return None
        rollout = decode(found)
        return desired_by(rollout, self.seen(rollout))

    async def look(self) -> None:
        """Advance every live rollout as far as what is seen carries it."""
        for record in self._store.rollouts():
            if record.live and self._store.plugin(record.plugin_id).enabled:
                for _ in range(_CHAIN):
                    await self._findings.make(decode(self.find(record.id)))
                    if not await self._step(record.id):
                        break
        self._findings.keep(decode(record) for record in self._store.rollouts() if record.live)
        self._measure()
        self._ask_for_proof()

    async def _step(self, id_: str) -> bool:
        """Make the transition that is due, if there is one."""
        async with self._turn:
            rollout = decode(self.find(id_))
            moved = advance(rollout, self.seen(rollout), self._clock.now())
            if moved == rollout:
                return False
            await self._keep(rollout, moved)
            return True

    async def begin(self, rollout: Rollout, settings: PluginSettings | None = None) -> RolloutRecord:
        """Keep a new rollout; the next look starts it. ``settings`` are the candidate's, where they differ.

        They are the plugin's from now on, and go back where the rollout does.
        """
        before = self._store.plugin(rollout.plugin_id).settings
        record = RolloutRecord(
            id=rollout.id,
            plugin_id=rollout.plugin_id,
            live=True,
            document={},
            before=before,
            created_at=self._clock.wall(),
        )
        changes = {} if settings is None or settings == before else {"settings": settings}
        return await self._put(record, rollout, **changes)

    async def command(self, id_: str, change: Change) -> RolloutRecord:
        """Apply what an operator asks for, or raise what it raises."""
        async with self._turn:
            rollout = decode(self.find(id_))
            if not rollout.live:
                raise NoRollout(
                    f"Rollout {id_} has ended: {rollout.phase}.",
                    plugin=rollout.plugin_id,
                    hint="Nothing to do; 'plugway rollback' goes to the release before.",
                )
            moved = change(rollout, self.seen(rollout))
            return self.find(id_) if moved == rollout else await self._keep(rollout, moved)

    def due(self) -> float | None:
        """Seconds until time alone moves a rollout; None where it moves none."""
        times = [
            when for record in self._store.rollouts() if record.live for when in self._times(decode(record))
        ]
        return max(0.0, min(times)) if times else None

    def seen(self, rollout: Rollout) -> Seen:
        """What is known now of both sides of a rollout; nothing of one that has ended."""
        if not rollout.live:
            return Seen()
        stable, candidate = (self._tracks.get(instance) for instance in instances(rollout))
        watched = candidate.monitor if candidate else None
        healthy = bool(
            candidate and watched and watched.ready and watched.verdict.healthy and not candidate.leaving
        )
        manifest = self._store.release(rollout.candidate).manifest
        return Seen(
            candidate_launched=bool(candidate and candidate.launched),
            candidate_healthy=healthy,
            healthy_for=watched.proven_for if watched and healthy else 0.0,
            failure=_failure(candidate),
            further=further(self._store, rollout),
            findings=self._findings.of(rollout),
            verdict=self._verdict(rollout),
            stable_up=bool(
                stable and stable.monitor and stable.monitor.verdict.healthy and not stable.leaving
            ),
            candidate_routed=self._routed(rollout),
            stable_drained=_gone(stable),
            candidate_drained=_gone(candidate),
            one_way=bool(manifest and manifest.one_way_migration and not rollout.changes_settings),
            cut=sum(track.cut for track in (stable, candidate) if track),
            progress=(watched.verdict.reason if watched else candidate.doing) if candidate else "",
        )

    def check_soon(self, plugin: PluginId) -> None:
        """Ask its instances for their health now: the pause under way may be longer than what holds now."""
        for track in self._tracks.values():
            if track.plugin_id == plugin and track.monitor is not None:
                track.monitor.check_soon()

    def windows(self, rollout: Rollout) -> tuple[Window, Window]:
        """Calls measured on the candidate and on the stable side."""
        stable, candidate = instances(rollout)
        measured = self._outcomes.windows
        return measured.get(candidate, Window()), measured.get(stable, Window())

    # Keeping --------------------------------------------------------------------

    async def _keep(self, before: Rollout, after: Rollout) -> RolloutRecord:
        record = self.find(before.id)
        changes: dict[str, Any] = {}
        if after.phase is Phase.SUCCEEDED:
            changes = {"release_id": after.candidate, "slot": after.candidate_slot}
            if after.definition is not None:
                changes["definition"] = parse_definition(dict(after.definition))
        elif after.phase in TERMINAL:
            now = self._store.plugin(record.plugin_id).settings
            if (back := restored(now, record.before)) != now:
                changes["settings"] = back
        kept = await self._put(record, after, **changes)
        self._restart_windows(before, after)
        return kept

    async def _put(self, record: RolloutRecord, rollout: Rollout, **plugin_changes: Any) -> RolloutRecord:
        now = self._clock.wall()
        entry = {"phase": rollout.phase.value, "step": rollout.step, "reason": rollout.reason}
        # A deadline that became known is kept, and is nothing to tell.
        told = bool(record.timeline) and entry.items() <= record.timeline[-1].items()
        kept = replace(
            record,
            live=rollout.live,
            document=encode(rollout),
            timeline=record.timeline if told else (*record.timeline, {"at": now, **entry}),
            updated_at=now,
        )
        await self._store.put_rollout(kept, self._clock.stored, **plugin_changes)
        self._wake()
        if not told:
            self._events.emit("rollout.phase", rollout.plugin_id, rollout=rollout.id, **entry)
        if "settings" in plugin_changes:
            revision = plugin_changes["settings"].revision
            self._events.emit("plugin.settings", rollout.plugin_id, revision=revision)
        return kept

    def _ask_for_proof(self) -> None:
        """Where the minimum healthy time is over, the answer that proves it need not wait for its turn."""
        for record in self._store.rollouts():
            rollout = decode(record) if record.live else None
            if rollout is None or rollout.phase is not Phase.VERIFYING:
                continue
            track = self._tracks.get(instances(rollout)[1])
            monitor = track.monitor if track else None
            wanted = rollout.plan.timing.min_healthy
            if monitor and monitor.healthy_for(time.monotonic()) >= wanted > monitor.proven_for:
                monitor.check_soon()

    # Measuring ------------------------------------------------------------------

    def _measure(self) -> None:
        wanted = {
            instance
            for record in self._store.rollouts()
            if record.live
            for instance in instances(decode(record))
        }
        windows = self._outcomes.windows
        for gone in windows.keys() - wanted:
            del windows[gone]
        for fresh in wanted - windows.keys():
            windows[fresh] = Window()

    def _restart_windows(self, before: Rollout, after: Rollout) -> None:
        """Both sides are compared over the same span; after the switch the old side stays as it was."""
        stable, candidate = instances(after)
        if before.effective not in EXPOSED and after.effective is Phase.CANARY:
            self._outcomes.windows[stable] = Window()
        if before.effective not in EXPOSED and after.effective in EXPOSED:
            self._outcomes.windows[candidate] = Window()

    def _verdict(self, rollout: Rollout) -> str:
        return verdict(*self.windows(rollout)) if rollout.effective in EXPOSED else ""

    def _routed(self, rollout: Rollout) -> bool:
        route = self._snapshots.current.routes.get(rollout.plugin_id)
        _, candidate = instances(rollout)
        return self._snapshots.settled and any(
            target.weight == 100 and endpoint.instance_id == candidate
            for target in (route.targets if route else ())
            for endpoint in target.endpoints
        )

    def _times(self, rollout: Rollout) -> Iterator[float]:
        now = self._clock.now()
        for deadline in (rollout.deadline, rollout.progress_deadline):
            if deadline is not None:
                yield deadline - now
        if rollout.phase is Phase.VERIFYING:
            # The next check has to prove it; that one tells nobody where nothing changes by it.
            yield max(_LOOK_AGAIN, rollout.plan.timing.min_healthy - self.seen(rollout).healthy_for)
        if rollout.phase is Phase.PROMOTING:
            # The new routes are published after a look has asked for them, which tells nobody here.
            yield _LOOK_AGAIN


def _gone(track: Track | None) -> bool:
    return track is None or (not track.alive and track.busy is None)


def _failure(track: Track | None) -> str:
    """What is wrong with a candidate. A single failed start counts: it is not tried over and over."""
    if track is None:
        return ""
    if track.attempts.failures or track.attempts.quarantine:
        return track.failure or track.attempts.quarantine
    monitor = track.monitor
    # One that is being ended for an earlier move says nothing of the start that follows.
    if monitor is not None and monitor.ready and not monitor.verdict.healthy and not track.stopping:
        return monitor.verdict.reason
    return ""
