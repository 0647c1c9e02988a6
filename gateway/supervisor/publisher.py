"""Telling the others: statuses, events of changed states, and the routing table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from gateway.model import Endpoint, InstanceId, Ownership, PluginId
from gateway.registry.boards import EventBoard, SnapshotBoard
from gateway.registry.records import ReleaseRecord
from gateway.registry.store import RegistryStore
from gateway.routing import Personal, Recording, Route
from gateway.settings import Settings
from gateway.supervisor.backoff import Patience
from gateway.supervisor.clock import Clock
from gateway.supervisor.limits import limits_in_force
from gateway.supervisor.plan import DesiredInstance, DesiredPlugin, desired_instances
from gateway.supervisor.status import DISABLED, InstanceStatus, PluginStatus, judge
from gateway.supervisor.tracks import Track
from gateway.supervisor.views import finding, instance_status, limits_of, route

Tracks = Mapping[InstanceId, Track]


class Publisher:
    """Publishes only what differs from what was published before."""

    def __init__(
        self,
        store: RegistryStore,
        snapshots: SnapshotBoard,
        events: EventBoard,
        settings: Settings,
        runtime: str,
        clock: Clock,
        personal: Callable[[PluginId], tuple[Personal, ...]] = lambda _: (),
        recording: Callable[[PluginId], Recording | None] = lambda _: None,
    ) -> None:
        self._store = store
        self._snapshots = snapshots
        self._events = events
        self._runtime = runtime
        self._clock = clock
        self._personal = personal
        self._recording = recording
        self._patience = Patience.of(settings)
        self._limits = limits_of(settings)
        self._origins = settings.origins_for
        self._routes: dict[PluginId, Route] = {}
        self._statuses: dict[PluginId, PluginStatus] = {}

    def status(self, plugin: PluginId) -> PluginStatus | None:
        return self._statuses.get(plugin)

    def publish(self, desired: Mapping[PluginId, DesiredPlugin], tracks: Tracks, blind: str) -> None:
        """All plugins, and the table as a whole."""
        for gone in self._statuses.keys() - desired.keys():
            del self._statuses[gone], self._routes[gone]
        for plugin in desired.values():
            self._refresh(plugin, tracks, blind)
        self._snapshots.publish(self._routes)

    def publish_one(self, plugin: DesiredPlugin, tracks: Tracks, blind: str) -> None:
        if self._refresh(plugin, tracks, blind):
            self._snapshots.publish(self._routes)

    def _refresh(self, plugin: DesiredPlugin, tracks: Tracks, blind: str) -> bool:
        """Whether its route is another one now."""
        instances = desired_instances([plugin])
        status = self._status(plugin, instances, tracks, blind)
        before = self._statuses.get(plugin.id)
        self._statuses[plugin.id] = status
        if before is None or _told(before) != _told(status):
            self._events.emit(
                "plugin.state",
                plugin.id,
                state=status.state.value,
                reason=status.reason,
                voice=status.voice.value,
            )
        fresh = self._route(plugin, instances, status, tracks)
        changed = self._routes.get(plugin.id) != fresh
        self._routes[plugin.id] = fresh
        return changed

    def _status(
        self, plugin: DesiredPlugin, instances: tuple[DesiredInstance, ...], tracks: Tracks, blind: str
    ) -> PluginStatus:
        known = [(wanted, tracks[wanted.id]) for wanted in instances if wanted.id in tracks]
        findings = [finding(wanted, tracks.get(wanted.id), self._patience, blind) for wanted in instances]
        judgement = judge(findings) if plugin.releases else DISABLED
        held = self._held(instances, tracks)
        before = self._statuses.get(plugin.id)
        same = before is not None and before.state is judgement.state
        return PluginStatus(
            state=judgement.state,
            reason=judgement.reason,
            voice=judgement.voice,
            since=before.since if before and same else self._clock.wall(),
            restarts=sum(max(0, track.starts - 1) for _, track in known),
            retry_at=None if held is None else self._clock.shown(held),
            instances=tuple(self._instance(wanted, track) for wanted, track in known),
            progress=next((track.doing for _, track in known if track.doing), ""),
            personal=tuple(own.user for own in self._personal(plugin.id)),
            recorded=recording.whose if (recording := self._recording(plugin.id)) else "",
        )

    def _instance(self, wanted: DesiredInstance, track: Track) -> InstanceStatus:
        managed = track.ownership is Ownership.MANAGED
        return instance_status(wanted, track, self._runtime if managed else Ownership.REMOTE.value)

    def _held(self, instances: tuple[DesiredInstance, ...], tracks: Tracks) -> float | None:
        now = self._clock.steady()
        held = (tracks[wanted.id].observed for wanted in instances if wanted.id in tracks)
        return min(
            (
                seen.held_until
                for seen in held
                if seen.held_until > now and not (seen.alive or seen.attached or seen.quarantined)
            ),
            default=None,
        )

    def _route(
        self,
        plugin: DesiredPlugin,
        instances: tuple[DesiredInstance, ...],
        status: PluginStatus,
        tracks: Tracks,
    ) -> Route:
        healthy = {instance.id for instance in status.instances if instance.healthy}
        endpoints: dict[InstanceId, Endpoint] = {}
        for wanted in instances:
            monitor = tracks[wanted.id].monitor if wanted.id in tracks else None
            if wanted.id in healthy and monitor is not None:
                endpoints[wanted.id] = monitor.endpoint
        releases = {
            release.release_id: self._store.release(release.release_id) for release in plugin.releases
        }
        held = self._held(instances, tracks)
        wait = None if held is None else held - self._clock.steady()
        limits = limits_in_force(self._store, plugin.id, self._limits)
        origins = self._origins(plugin.id)
        installed = self._store.plugin(plugin.id)
        current = self._store.release(installed.release_id)
        # The name for people: the plugin's own word, else what it was installed as.
        name = current.manifest.name if current.manifest else current.release.name or plugin.id
        made = route(plugin, name, status, releases, endpoints, limits, wait, origins)
        return replace(
            made,
            services=_services(made, current),
            installed=installed.installed_at,
            personal=self._personal(plugin.id),
            recording=self._recording(plugin.id),
        )


def _services(made: Route, current: ReleaseRecord) -> tuple[str, ...]:
    """A plugin that is disabled keeps its names: nobody else answers for it meanwhile."""
    own = current.manifest.services if current.manifest else ()
    routed = [name for target in made.targets if target.typed for name in target.typed.names]
    return tuple(dict.fromkeys((*routed, *own)))


def _told(status: PluginStatus) -> PluginStatus:
    """The part of a status whose change is an event."""
    return replace(status, since=0.0, restarts=0, retry_at=None, instances=(), progress="")
