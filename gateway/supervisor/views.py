"""From what is known of the instances to what others see: findings, statuses, routes. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from gateway.call_limits import Limits
from gateway.contract.templates import route_templates
from gateway.model import Endpoint, InstanceId, InstanceState, Ownership, PluginState, ReleaseId, Voice
from gateway.registry.records import ReleaseRecord
from gateway.routing import Route, Target
from gateway.settings import Settings
from gateway.supervisor.backoff import Patience
from gateway.supervisor.plan import DesiredInstance, DesiredPlugin, DesiredRelease, Role
from gateway.supervisor.status import Finding, InstanceStatus, PluginStatus
from gateway.supervisor.tracks import Track
from gateway.supervisor.words import sentence

_RETRY_AFTER = {
    PluginState.STARTING: 1.0,
    PluginState.UPDATING: 1.0,
    PluginState.UNHEALTHY: 2.0,
    PluginState.QUARANTINED: 60.0,
    PluginState.DISABLED: 60.0,
}
"""Seconds after which a client may try again, where no better guess is at hand."""


def finding(wanted: DesiredInstance, track: Track | None, patience: Patience, blind: str) -> Finding:
    """``blind`` says why the runtime could not be asked; "" where it could."""
    weight = wanted.release.weight
    warm = wanted.release.warm
    if track is None:
        return Finding(
            weight=weight,
            healthy=False,
            ready=False,
            reason=blind or "It is about to be started.",
            voice=Voice.RUNTIME,
        )
    monitor = track.monitor
    if monitor is not None and not track.leaving and not track.attempts.quarantine:
        verdict = monitor.verdict
        before = f" Before: {sentence(track.failure)}" if track.failure and not monitor.ready else ""
        return Finding(
            weight=weight,
            healthy=verdict.healthy,
            ready=monitor.ready,
            reason=f"{verdict.reason}{before}",
            voice=verdict.voice,
            warm=warm,
        )
    waiting = track.attempts.failures > 0 and not track.doing and not track.restart_asked
    return Finding(
        weight=weight,
        healthy=False,
        ready=False,
        reason=blind or _without_monitor(track, patience),
        voice=track.failure_voice,
        quarantine=track.attempts.quarantine,
        waiting=waiting,
    )


def _without_monitor(track: Track, patience: Patience) -> str:
    if track.restart_asked:
        return "It is being restarted, as was asked for."
    before = f" Before: {sentence(track.failure)}" if track.failure else ""
    if track.doing:
        return f"{track.doing}{before}"
    if track.attempts.failures and track.ownership is not Ownership.MANAGED:
        # Nobody here starts it, so there is no number of failures after which that would end.
        return f"{sentence(track.failure)} It is asked again soon."
    if track.attempts.failures:
        count = f"failure {track.attempts.failures} of {patience.give_up_after} in a row"
        return f"{sentence(track.failure)} It is started again soon ({count})."
    return track.failure or "It is about to be started."


def instance_status(wanted: DesiredInstance, track: Track, runtime: str) -> InstanceStatus:
    monitor, seen = track.monitor, track.seen
    state = seen.state if seen else InstanceState.EXITED
    if seen is None and monitor is not None:
        state = InstanceState.RUNNING if monitor.ready else InstanceState.STARTING
    verdict = monitor.verdict if monitor else None
    return InstanceStatus(
        id=track.id,
        release_id=track.release_id,
        state=state,
        healthy=bool(verdict and verdict.healthy and not track.leaving),
        reason=track.attempts.quarantine or (verdict.reason if verdict else track.failure),
        voice=verdict.voice if verdict else track.failure_voice,
        runtime=runtime,
        ownership=track.ownership,
        started_at=seen.started_at if seen else 0.0,
        address=monitor.endpoint.address if monitor else "",
        weight=wanted.release.weight,
        sandbox=seen.sandbox if seen else None,
        failures=track.failures,
        failed_calls=track.failed_calls,
    )


def route(
    plugin: DesiredPlugin,
    name: str,
    status: PluginStatus,
    releases: Mapping[ReleaseId, ReleaseRecord],
    endpoints: Mapping[InstanceId, Endpoint],
    limits: Limits,
    wait: float | None,
    origins: tuple[str, ...] = (),
) -> Route:
    """``endpoints`` are the healthy ones; ``wait`` is the rest of a back-off in seconds.

    A release without a healthy endpoint stays a target, as its UI is served from the store.
    """
    targets = tuple(
        target_of(releases[release.release_id], endpoints.get(release.instance), release)
        for release in plugin.releases
        if release.release_id in releases and release.role is not Role.DRAINING
    )
    retry_after = _RETRY_AFTER.get(status.state, 1.0) if wait is None else float(max(1, math.ceil(wait)))
    return Route(
        plugin_id=plugin.id,
        name=name,
        state=status.state,
        reason=status.reason,
        retry_after=retry_after,
        targets=targets,
        limits=limits,
        preview=plugin.preview,
        origins=origins,
    )


def target_of(record: ReleaseRecord, endpoint: Endpoint | None, wanted: DesiredRelease) -> Target:
    manifest = record.manifest
    return Target(
        release_id=record.release.id,
        version=manifest.version if manifest else record.release.version,
        endpoints=(endpoint,) if endpoint else (),
        weight=wanted.weight,
        warm=wanted.warm,
        ui=record.ui,
        page_origins=record.release.permissions.origins,
        rules=manifest.routes if manifest else (),
        one_way=bool(manifest and manifest.one_way_migration),
        typed=manifest.typed if manifest else None,
        templates=route_templates(manifest),
    )


def limits_of(settings: Settings) -> Limits:
    return Limits(
        max_body=settings.max_body_bytes,
        timeout=settings.call_timeout,
        stream_idle=settings.stream_idle,
        max_concurrent=settings.plugin_calls,
    )
