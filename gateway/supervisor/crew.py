"""Acting on instances and watching them: the hands of the supervisor."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from functools import partial

from gateway.errors import NotFound, PlugwayError, Unavailable
from gateway.model import Endpoint, InstanceId, Ownership, PluginId, RemoteArtifact, Voice
from gateway.registry.boards import EventBoard
from gateway.registry.errors import Superseded
from gateway.registry.records import InstanceRecord
from gateway.runtimes.base import Runtime, RuntimeInstance
from gateway.supervisor import acts
from gateway.supervisor.backoff import Attempts, Patience
from gateway.supervisor.desired import remote_endpoint
from gateway.supervisor.meeting import Surroundings
from gateway.supervisor.monitor import Monitor
from gateway.supervisor.plan import Action, Attach, DesiredInstance, Detach, Observed, Start, Stop
from gateway.supervisor.remote_tls import remote_tls
from gateway.supervisor.tracks import Track, count_failure, end_of, same_incarnation

log = logging.getLogger(__name__)

PAUSE_AFTER_FAULT = 2.0
"""Seconds before something that failed for a reason outside the plugin is tried again."""


class Crew:
    """Holds the tracks. ``wake`` asks for a new plan, ``tell`` for what others see of one plugin.

    ``told`` returns when what was told is followed by every data plane that is not hung.
    """

    def __init__(
        self,
        around: Surroundings,
        runtime: Runtime,
        verify: acts.Verify,
        events: EventBoard,
        *,
        wake: Callable[[], None],
        tell: Callable[[PluginId], None],
        told: Callable[[], Awaitable[None]],
    ) -> None:
        self._around = around
        self._store = around.store
        self._runtime = runtime
        self._verify = verify
        self._events = events
        self._wake = wake
        self._tell = tell
        self._told = told
        self._patience = Patience.of(around.settings)
        self._leftover: set[asyncio.Task[None]] = set()
        self.tracks: dict[InstanceId, Track] = {}

    @property
    def observed(self) -> dict[InstanceId, Observed]:
        return {track.id: track.observed for track in self.tracks.values()}

    def of(self, plugin: PluginId) -> list[Track]:
        return [track for track in self.tracks.values() if track.plugin_id == plugin]

    # Seeing --------------------------------------------------------------------

    def see(self, found: Mapping[InstanceId, RuntimeInstance], asked_at: float) -> None:
        """Take over what a runtime listed when it was asked at ``asked_at`` (steady seconds)."""
        for instance in found.values():
            if instance.id not in self.tracks:
                self.tracks[instance.id] = Track(
                    id=instance.id,
                    plugin_id=instance.plugin_id,
                    release_id=instance.release_id,
                    seen=instance,
                )
        for track in self.tracks.values():
            # What was listed while an action ran is no news about what the action did.
            settled = track.busy is None and track.finished_at < asked_at
            if track.ownership is Ownership.MANAGED and settled:
                self._notice(track, found.get(track.id))

    def _notice(self, track: Track, after: RuntimeInstance | None) -> None:
        before = track.seen
        if reason := end_of(track, after):
            self._events.emit("instance.exited", track.plugin_id, instance=track.id, reason=reason)
            if not track.counted:
                self._failed(track, reason, Voice.RUNTIME)
        track.seen = after
        if not track.alive or (before and after and not same_incarnation(before, after)):
            self.detach(track)

    def forget(self, wanted: Iterable[InstanceId]) -> None:
        """Drop what is neither there nor wanted, and with it its failures."""
        keep = set(wanted)
        for track in list(self.tracks.values()):
            idle = track.busy is None and track.seen is None and track.monitor is None
            if idle and track.id not in keep:
                del self.tracks[track.id]

    async def end(self, *, keep: bool) -> None:
        """Let no action begin or go on; unless ``keep``, drain and stop every managed instance."""
        underway = [track.busy for track in self.tracks.values() if track.busy]
        for track in self.tracks.values():
            if track.busy and track.preparing:
                track.busy.cancel()
        await asyncio.gather(*underway, return_exceptions=True)
        if not keep:
            ours = [track for track in self.tracks.values() if track.ownership is Ownership.MANAGED]
            stops = [self._stop_one(track, "The gateway ends.") for track in ours if track.seen]
            for result in await asyncio.gather(*stops, return_exceptions=True):
                if isinstance(result, Exception):
                    log.warning("An instance could not be stopped: %s", result)
        for track in self.tracks.values():
            self.detach(track)
        if self._leftover:
            await asyncio.wait(self._leftover)

    def restart(self, plugin: PluginId) -> None:
        """Forget all failures; what runs is replaced, what runs elsewhere is met anew."""
        for track in self.of(plugin):
            track.attempts, track.failure = Attempts(), ""
            if track.ownership is not Ownership.MANAGED:
                self.detach(track)
            elif track.alive:
                track.restart_asked = True
        self._tell(plugin)
        self._wake()

    # Acting --------------------------------------------------------------------

    def act(self, action: Action) -> None:
        match action:
            case Start(instance=wanted):
                track = self._track(wanted)
                track.busy = self._spawn(track, self._start_one(track))
            case Stop():
                track = self.tracks[action.id]
                track.busy = self._spawn(track, self._stop_one(track, action.reason, action.grace))
            case Attach(instance=wanted):
                self._attach(self._track(wanted))
            case Detach():
                self.detach(self.tracks[action.id])

    def _spawn(self, track: Track, act: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._guarded(track, act))
        task.add_done_callback(partial(self._finished, track))
        return task

    async def _guarded(self, track: Track, act: Coroutine[None, None, None]) -> None:
        try:
            await act
        except PlugwayError as error:
            log.warning("%s: %s", track.id, error.detail)
            track.failure = error.detail
            await asyncio.sleep(PAUSE_AFTER_FAULT)
        except Exception:  # A supervisor outlives any fault of its parts.
            log.exception("An action on %s failed; it is tried again.", track.id)
            await asyncio.sleep(PAUSE_AFTER_FAULT)

    def _finished(self, track: Track, task: asyncio.Task[None]) -> None:
        del task
        track.busy = None
        track.preparing = track.stopping = False
        track.doing = ""
        track.finished_at = self._around.clock.steady()
        self._wake()

    async def _start_one(self, track: Track) -> None:
        track.starts += 1
        track.preparing = True
        progress = partial(self._progress, track)
        try:
            release = self._store.release(track.release_id).release
            spec = await acts.prepare(self._store, self._runtime, self._verify, track.id, release, progress)
            track.preparing = False
            progress("It is being started.")
            track.seen = await acts.start(self._runtime, spec)
        except (NotFound, Unavailable, Superseded):
            raise  # Uninstalled a moment ago, a full disk, another gateway: no fault of the plugin.
        except PlugwayError as error:
            self._failed(track, error.detail, Voice.RUNTIME, permanent=isinstance(error, acts.HOPELESS))
            return
        track.counted = False
        self._attach(track)

    async def _stop_one(self, track: Track, reason: str, grace: float | None = None) -> None:
        track.stopping = True
        self._tell(track.plugin_id)
        # Whoever still sends it calls would see them refused.
        await self._told()
        track.cut += await acts.stop(
            self._store,
            self._runtime,
            track.id,
            monitor=track.monitor,
            grace=self._around.settings.stop_grace if grace is None else grace,
            reason=reason,
            clock=self._around.clock,
        )
        self.detach(track)
        track.seen = None
        track.counted = track.restart_asked = False

    # Watching ------------------------------------------------------------------

    def adopt(self, wanted: DesiredInstance) -> None:
        """Go on with an incarnation that the gateway before this one had found good."""
        records = {record.id: record for record in self._store.instances(wanted.plugin_id)}
        record = records.get(wanted.id)
        known = self._store.release(wanted.release.release_id).manifest is not None
        if record is None or record.endpoint is None or not known:
            return
        track = self._track(wanted)
        remote = track.ownership is not Ownership.MANAGED
        if remote or (track.seen is not None and track.alive and track.seen.endpoint == record.endpoint):
            self._attach(track, record)

    def _attach(self, track: Track, adopted: InstanceRecord | None = None) -> None:
        managed = track.ownership is Ownership.MANAGED
        endpoint = adopted.endpoint if adopted else self._endpoint(track)
        if endpoint is None:
            return  # The runtime does not know it yet; it will say so.
        record = adopted or InstanceRecord(
            id=track.id,
            plugin_id=track.plugin_id,
            release_id=track.release_id,
            ownership=track.ownership,
            runtime=self._runtime.name if managed else Ownership.REMOTE.value,
        )
        track.monitor = Monitor(
            self._around,
            record,
            endpoint,
            managed=managed,
            adopted=adopted is not None,
            changed=partial(self._heard, track),
        )
        track.counted = False
        self._around.outcomes.forget(track.id)
        track.watching = asyncio.create_task(track.monitor.run())
        track.watching.add_done_callback(self._watch_ended)

    def _endpoint(self, track: Track) -> Endpoint | None:
        if track.ownership is Ownership.MANAGED:
            return track.seen.endpoint if track.seen else None
        artifact = self._store.release(track.release_id).release.artifact
        if not isinstance(artifact, RemoteArtifact):
            return None
        tls = remote_tls(self._around.settings.home, artifact)
        return remote_endpoint(track.id, track.plugin_id, artifact, tls)

    def detach(self, track: Track) -> None:
        if track.watching is not None:
            track.watching.cancel()
            self._leftover.add(track.watching)
        track.monitor = track.watching = None

    def _watch_ended(self, task: asyncio.Task[None]) -> None:
        self._leftover.discard(task)
        self._wake()

    def _heard(self, track: Track) -> None:
        """The monitor has news. What callers meet changes at once; the plan follows."""
        monitor = track.monitor
        if monitor is not None and monitor.condemned and not track.counted:
            track.counted = True
            condemned = monitor.condemned
            self._failed(track, condemned.reason, Voice.ACTIVE, permanent=condemned.permanent)
        if monitor is not None and monitor.condemned:
            self._wake()
        self._tell(track.plugin_id)

    def _failed(self, track: Track, reason: str, voice: Voice, *, permanent: bool = False) -> None:
        now = self._around.clock.steady()
        count_failure(track, reason, voice, now=now, permanent=permanent, patience=self._patience)

    def _progress(self, track: Track, text: str) -> None:
        if text != track.doing:
            track.doing = text
            self._events.emit("plugin.progress", track.plugin_id, text=text)
            self._tell(track.plugin_id)

    def _track(self, wanted: DesiredInstance) -> Track:
        return self.tracks.setdefault(
            wanted.id,
            Track(
                id=wanted.id,
                plugin_id=wanted.plugin_id,
                release_id=wanted.release.release_id,
                ownership=wanted.release.ownership,
            ),
        )
