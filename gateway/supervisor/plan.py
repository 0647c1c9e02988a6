"""What to do next: a pure function from what is wanted and what is there to actions.

It is run on every event and on a timer, so it keeps no memory: running it twice on the
same facts gives the same actions, and an action that is under way is never given again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.model import InstanceId, InstanceState, Ownership, PluginId, ReleaseId
from gateway.routing import Preview


class Role(StrEnum):
    """Why a release runs. A draining one finishes what it has and gets nothing new."""

    STABLE = "stable"
    CANDIDATE = "candidate"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredRelease:
    """One release that should run; ``weight`` is its percentage of new sessions.

    A draining one is asked to finish within ``grace`` seconds, and is never started again.
    ``slot`` tells apart two instances of one release, which have different settings.
    """

    release_id: ReleaseId
    weight: int = 100
    role: Role = Role.STABLE
    ownership: Ownership = Ownership.MANAGED
    grace: float | None = None
    slot: int = 0

    @property
    def instance(self) -> InstanceId:
        return instance_id(self.release_id, self.slot)

    @property
    def warm(self) -> bool:
        """Proven, kept running beside its successor, and without a share of the calls."""
        return self.role is Role.STABLE and self.weight == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredPlugin:
    """What the operator wants of one plugin; no releases where it is switched off."""

    id: PluginId
    releases: tuple[DesiredRelease, ...] = ()
    preview: Preview | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredInstance:
    id: InstanceId
    plugin_id: PluginId
    release: DesiredRelease


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What is known of one instance. ``state`` is None where no runtime has it.

    ``held_until`` (steady seconds) is the back-off; ``condemned`` says why a running one
    has to be replaced.
    """

    id: InstanceId
    ownership: Ownership = Ownership.MANAGED
    state: InstanceState | None = None
    attached: bool = False
    busy: bool = False
    held_until: float = 0.0
    quarantined: bool = False
    condemned: str = ""

    @property
    def alive(self) -> bool:
        return self.state in (InstanceState.STARTING, InstanceState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    instance: DesiredInstance

    @property
    def id(self) -> InstanceId:
        return self.instance.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach:
    """Speak the contract with it and watch its health from now on."""

    instance: DesiredInstance

    @property
    def id(self) -> InstanceId:
        return self.instance.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Detach:
    """Stop watching what is not ours to stop."""

    id: InstanceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """End it, in good order where it still can, and remove its traces.

    ``grace`` in seconds is the time to finish; None leaves it to the settings.
    """

    id: InstanceId
    reason: str
    grace: float | None = None


Action = Start | Attach | Detach | Stop


def instance_id(release: ReleaseId, slot: int = 0) -> InstanceId:
    """Deterministic, so that a start repeated after a crash finds the first one.

    Safe as a file name, a container name and a DNS label, as release ids are.
    """
    return InstanceId(f"{release}-{slot}")


def desired_instances(desired: Iterable[DesiredPlugin]) -> tuple[DesiredInstance, ...]:
    return tuple(
        DesiredInstance(id=release.instance, plugin_id=plugin.id, release=release)
        for plugin in desired
        for release in plugin.releases
    )


def plan(
    desired: Iterable[DesiredInstance], observed: Mapping[InstanceId, Observed], now: float
) -> tuple[Action, ...]:
    """At most one action for each instance; ``now`` in steady seconds."""
    wanted = {instance.id: instance for instance in desired}
    actions = []
    for id_ in sorted({*wanted, *observed}):
        seen = observed.get(id_, Observed(id=id_))
        if seen.busy:
            continue
        action = _unwanted(seen) if id_ not in wanted else _wanted(wanted[id_], seen, now)
        if action is not None:
            actions.append(action)
    return tuple(actions)


def next_due(
    desired: Iterable[DesiredInstance], observed: Mapping[InstanceId, Observed], now: float
) -> float | None:
    """When a back-off ends and there will be something to do; None where no time matters."""
    held = (observed.get(instance.id) for instance in desired)
    due = [
        seen.held_until
        for seen in held
        if seen and not seen.alive and not seen.quarantined and seen.held_until > now
    ]
    return min(due, default=None)


def _unwanted(seen: Observed) -> Action | None:
    if seen.ownership is not Ownership.MANAGED:
        return Detach(id=seen.id) if seen.attached else None
    if seen.state is None:
        return None
    return Stop(id=seen.id, reason="It is no longer wanted.")


def _wanted(wanted: DesiredInstance, seen: Observed, now: float) -> Action | None:
    if wanted.release.ownership is not Ownership.MANAGED:
        if seen.attached and seen.condemned:
            return Detach(id=seen.id)
        ready = not seen.attached and not seen.quarantined and now >= seen.held_until
        return Attach(instance=wanted) if ready else None
    if wanted.release.role is Role.DRAINING:
        if seen.state is None:
            return None
        return Stop(id=seen.id, reason="Another release has taken over.", grace=wanted.release.grace)
    if seen.alive:
        if seen.quarantined or seen.condemned:
            return Stop(id=seen.id, reason=seen.condemned or "It is in quarantine.")
        return None if seen.attached else Attach(instance=wanted)
    if seen.quarantined or now < seen.held_until:
        return None
    return Start(instance=wanted)
