"""The supervisor: looks, plans, acts, tells. Level-triggered, on every event and on a timer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import suppress
from dataclasses import replace

from gateway.clock import SteadyClock
from gateway.contract.client import ConfigureResult, PluginClient
from gateway.contract.errors import NotAnswering
from gateway.errors import Conflict, NotFound, PlugwayError, Unavailable
from gateway.model import InstanceId, Ownership, PluginId, PluginState, Voice
from gateway.packing.pack import Content
from gateway.registry.boards import EventBoard, OutcomeBoard, SnapshotBoard
from gateway.registry.records import PluginSettings
from gateway.registry.store import RegistryStore
from gateway.runtimes.base import Runtime
from gateway.settings import Settings
from gateway.supervisor import acts
from gateway.supervisor.clock import Clock
from gateway.supervisor.copies import Copies
from gateway.supervisor.crew import PAUSE_AFTER_FAULT, Crew
from gateway.supervisor.desired import desired_plugin
from gateway.supervisor.egress import Egress, NoRelays, RelaySet
from gateway.supervisor.logs import InstanceLine, merged_logs
from gateway.supervisor.meeting import PublicKeys, Surroundings
from gateway.supervisor.monitor import Monitor
from gateway.supervisor.plan import DesiredInstance, DesiredPlugin, desired_instances, next_due, plan
from gateway.supervisor.plugin_metrics import Asked, PluginMetrics, Scrape
from gateway.supervisor.publisher import Publisher
from gateway.supervisor.recordings import Recordings
from gateway.supervisor.rollouts import Rollouts
from gateway.supervisor.settings_sides import held_settings
from gateway.supervisor.status import PluginStatus
from gateway.trust.verify import verify_release

log = logging.getLogger(__name__)

RESYNC = 15.0
"""Seconds after which the runtime is asked again even where nothing was heard of it."""

LIST_TIMEOUT = 10.0
"""Seconds for the runtime to list its instances; a hung engine must not hang the rest."""

GAP = 0.05
"""Seconds between two passes at the least: a flood of events is one pass."""

_UNKNOWN = PluginStatus(state=PluginState.STARTING, reason="It is about to be started.", voice=Voice.RUNTIME)


class Elsewhere(Conflict):
    """The plugin is not run by this gateway, so it has no such thing here."""

    key, title = "runs-elsewhere", "The plugin runs elsewhere"


class Supervisor:
    """Keeps what runs equal to what the registry wants. Constructing starts nothing."""

    def __init__(
        self,
        *,
        store: RegistryStore,
        snapshots: SnapshotBoard,
        events: EventBoard,
        outcomes: OutcomeBoard,
        runtime: Runtime,
        content: Content,
        settings: Settings,
        verify: acts.Verify = verify_release,
        clock: Clock | None = None,
        relays: RelaySet | None = None,
        call_keys: Callable[[], PublicKeys] = tuple,
    ) -> None:
        self._store = store
        self._egress = Egress(store, relays or NoRelays())
        self._outcomes = outcomes
        self._runtime = runtime
        self._clock = clock = clock or Clock()
        around = Surroundings(
            store=store, content=content, outcomes=outcomes, settings=settings, clock=clock,
            call_keys=call_keys,
        )  # fmt: skip
        self._crew = Crew(
            around, runtime, verify, events, wake=self.wake, tell=self._tell, told=snapshots.settle
        )
        self.copies = Copies(around, events, self._tell)
        self.recordings = Recordings(store, snapshots, events, self._tell)
        self._publisher = Publisher(
            store, snapshots, events, settings, runtime.name, clock, self.copies.of, self.recordings.of
        )
        self.rollouts = Rollouts(
            store, snapshots, outcomes, events, self._crew.tracks, SteadyClock(store.steady), wake=self.wake
        )
        self._metrics = PluginMetrics(self._who_has_metrics)
        self._desired: dict[PluginId, DesiredPlugin] = {}
        self._blind = ""
        self._wake = asyncio.Event()
        self._pulse = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Adopt what runs, publish its routes at once, then begin to watch and to act."""
        self._unsubscribe = self._store.subscribe(self._stored)
        self._outcomes.on_failure(self._call_failed)
        await self._look()
        self._want()
        self._open_ways_out()
        for wanted in self._wanted():
            self._crew.adopt(wanted)
        self._tell_all()
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._listen())]

    async def stop(self, *, keep: bool) -> None:
        """End the watching; unless ``keep``, drain and stop every managed instance as well."""
        self._unsubscribe()
        self._unsubscribe = lambda: None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._crew.end(keep=keep)
        self._egress.close()

    def wake(self) -> None:
        """Look and plan soon. Cheap; many calls are one pass."""
        self._wake.set()

    # What others ask ------------------------------------------------------------

    def status(self, id_: PluginId) -> PluginStatus:
        """Raises ``UnknownPlugin``."""
        self._store.plugin(id_)
        status = self._publisher.status(id_) or _UNKNOWN
        # Counts change without anything being published.
        instances = (replace(one, relay=self._egress.status(one.id)) for one in status.instances)
        return replace(status, instances=tuple(instances))

    async def restart(self, id_: PluginId) -> None:
        """Replace what runs, and end a quarantine. Returns at once; events tell the rest."""
        self._store.plugin(id_)
        self._crew.restart(id_)

    async def logs(self, id_: PluginId, *, tail: int, follow: bool) -> AsyncIterator[InstanceLine]:
        """Lines of all its instances; raises :class:`Elsewhere` for a remote plugin."""
        self._store.plugin(id_)
        instances = [wanted for wanted in self._wanted() if wanted.plugin_id == id_]
        if any(wanted.release.ownership is not Ownership.MANAGED for wanted in instances):
            raise Elsewhere(
                f"{id_} is not run by this gateway, so its logs are not here.",
                hint="Look where the plugin was started.",
                plugin=id_,
            )
        ids = [wanted.id for wanted in instances]
        async for line in merged_logs(self._runtime, ids, tail=tail, follow=follow):
            yield line

    async def collect_metrics(self, id_: PluginId) -> tuple[str, bytes]:
        """Content type and text; raises :class:`~gateway.contract.errors.ContractError`."""
        self._store.plugin(id_)
        return await self._client(id_).collect_metrics()

    async def metrics(self) -> tuple[Scrape, ...]:
        """What every instance that is healthy says of itself; see :class:`PluginMetrics`."""
        return await self._metrics.collect()

    def _who_has_metrics(self) -> list[Asked]:
        return [
            Asked(plugin=track.plugin_id, release=track.release_id, instance=track.id, client=client)
            for track in self._crew.tracks.values()
            if track.monitor is not None
            and track.monitor.verdict.healthy
            and (client := track.monitor.client) is not None
        ]

    async def configure(
        self, id_: PluginId, settings: PluginSettings, *, dry_run: bool
    ) -> ConfigureResult | None:
        """Ask what runs to take these settings; None where nothing runs that could judge them.

        Raises :class:`~gateway.contract.errors.ContractError` where it does not answer.
        """
        history = self._store.rollouts(id_)
        asked = []
        for track in self._crew.of(id_):
            ready = track.monitor is not None and track.monitor.ready and not track.leaving
            # The stable side of a rollout keeps what it has.
            if track.monitor is not None and ready and held_settings(history, track.id) is None:
                self._egress.try_out(track.id, settings)
                asked.append(track.monitor)
        results = [await monitor.configure(settings, dry_run=dry_run) for monitor in asked]
        refused = (result for result in results if not result.accepted)
        return next(refused, results[0] if results else None)

    async def stopped(self, id_: PluginId) -> None:
        """Returns once no instance of the plugin is left, of those that this gateway may stop."""
        while any(track.seen is not None or track.busy is not None for track in self._crew.of(id_)):
            await self._pulse.wait()

    def _ready(self, id_: PluginId) -> list[Monitor]:
        tracks = self._crew.of(id_)
        return [track.monitor for track in tracks if track.monitor is not None and track.monitor.ready]

    def _client(self, id_: PluginId) -> PluginClient:
        for monitor in self._ready(id_):
            if monitor.client is not None:
                return monitor.client
        raise NotAnswering(f"{id_} does not run now.", plugin=id_, reason=self.status(id_).reason)

    # The loop -------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._pass()
            except Exception:  # A supervisor outlives any fault of its parts.
                log.exception("A pass of the supervisor failed; it goes on.")
                await asyncio.sleep(PAUSE_AFTER_FAULT)
            await asyncio.sleep(GAP)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._until_due()):
                    await self._wake.wait()

    async def _listen(self) -> None:
        while True:
            try:
                async for _ in self._runtime.changes():
                    self.wake()
            except PlugwayError as error:
                log.warning("The runtime's events cannot be heard: %s", error.detail)
            # They may end silently, so what was missed is looked for.
            await asyncio.sleep(PAUSE_AFTER_FAULT)
            self.wake()

    async def _pass(self) -> None:
        seeing = await self._look()
        await self._advance()
        self._want()
        wanted = self._wanted()
        self._open_ways_out()
        if seeing:
            for action in plan(wanted, self._crew.observed, self._clock.steady()):
                self._crew.act(action)
        self._crew.forget(instance.id for instance in wanted)
        if seeing:
            await self._forget_records({instance.id for instance in wanted})
        self._tell_all()

    async def _forget_records(self, wanted: Collection[InstanceId]) -> None:
        """Of starts that never came to be: whatever runs, or ran, has a track."""
        for record in self._store.instances():
            if (
                record.ownership is Ownership.MANAGED
                and record.id not in wanted
                and record.id not in self._crew.tracks
            ):
                with suppress(Unavailable):  # A full disk: the next pass does it.
                    await self._store.remove_instance(record.id)

    async def _advance(self) -> None:
        """Where a transition cannot be written down it is not made, and everything else goes on."""
        try:
            await self.rollouts.look()
        except PlugwayError as error:
            log.warning("A rollout cannot go on: %s", error.detail)

    async def _look(self) -> bool:
        """Ask the runtime; where it does not answer, nothing is concluded from that."""
        asked_at = self._clock.steady()
        try:
            async with asyncio.timeout(LIST_TIMEOUT):
                found = await self._runtime.list()
        except (PlugwayError, TimeoutError) as error:
            told = error.detail if isinstance(error, PlugwayError) else f"no answer in {LIST_TIMEOUT:g} s."
            self._blind = f"The runtime {self._runtime.name!r} does not answer: {told}"
            return False
        self._blind = ""
        self._crew.see({instance.id: instance for instance in found}, asked_at)
        return True

    def _want(self) -> None:
        self._desired = {
            record.id: desired_plugin(
                record, self._store.release(record.release_id).release, self.rollouts.desired(record)
            )
            for record in self._store.plugins()
        }

    def _open_ways_out(self) -> None:
        """Before an instance starts, and until it has ended: what drains is still answering calls."""
        wanted = [
            (one.id, one.plugin_id, one.release.release_id)
            for one in self._wanted()
            if one.release.ownership is Ownership.MANAGED
        ]
        there = [
            (track.id, track.plugin_id, track.release_id)
            for track in self._crew.tracks.values()
            if track.ownership is Ownership.MANAGED and (track.seen is not None or track.busy is not None)
        ]
        self._egress.follow([*wanted, *there])

    def _stored(self, _: object) -> None:
        self._egress.refresh()
        self.wake()

    def _wanted(self) -> tuple[DesiredInstance, ...]:
        return desired_instances(self._desired.values())

    def _until_due(self) -> float:
        now = self._clock.steady()
        due = next_due(self._wanted(), self._crew.observed, now)
        longest = PAUSE_AFTER_FAULT if self._blind else RESYNC
        if (moving := self.rollouts.due()) is not None:
            longest = min(longest, max(GAP, moving))
        return longest if due is None else min(longest, max(0.0, due - now))

    def _call_failed(self, instance: InstanceId) -> None:
        track = self._crew.tracks.get(instance)
        if track is not None:
            track.failed_calls += 1
        if track is not None and track.monitor is not None:
            track.monitor.check_soon()

    # Telling --------------------------------------------------------------------

    def _tell_all(self) -> None:
        self._publisher.publish(self._desired, self._crew.tracks, self._blind)
        self._beat()

    def _tell(self, id_: PluginId) -> None:
        if (plugin := self._desired.get(id_)) is not None:
            with suppress(NotFound):  # Uninstalled a moment ago; the next pass sees that.
                self._publisher.publish_one(plugin, self._crew.tracks, self._blind)
        self._beat()

    def _beat(self) -> None:
        beat, self._pulse = self._pulse, asyncio.Event()
        beat.set()
