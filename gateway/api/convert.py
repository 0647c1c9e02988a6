"""From records and observations to what the API answers. Pure but for the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from gateway.api import instance_views, settings_views, system_views, trust_views, views
from gateway.api.ports import InstanceLogLine
from gateway.model import InstanceId, Manifest, Permissions, ReleaseId, Source, UiType
from gateway.registry.boards import Event
from gateway.registry.circuits import CircuitReport
from gateway.registry.records import Acceptance, PluginRecord, ReleaseRecord
from gateway.runtimes.base import Sandbox
from gateway.supervisor.candidates import Candidate, needs_consent
from gateway.supervisor.rating import Rating, rate
from gateway.supervisor.rating_facts import declared, observed
from gateway.supervisor.settings_carry import Carried, carry
from gateway.supervisor.settings_form import never_saved
from gateway.supervisor.source_watch import Finding
from gateway.supervisor.status import InstanceStatus, PluginStatus
from gateway.trust.lock import release_lock
from gateway.trust.standing import Standing


def moment(seconds: float | None) -> datetime | None:
    """Unix seconds as a time; 0 and None are unknown."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def plugin_view(
    record: PluginRecord,
    release: ReleaseRecord,
    status: PluginStatus,
    standing: Standing | None,
    found: Finding | None,
    circuit_of: Callable[[InstanceId], CircuitReport | None],
    floor: str,
) -> views.PluginView:
    manifest = release.manifest
    return views.PluginView(
        id=record.id,
        name=record.definition.name or release.release.name or record.id,
        description=manifest.description if manifest else "",
        version=release.release.version,
        source=release.release.source,
        tier=release.release.tier,
        enabled=record.enabled,
        pinned=record.pinned,
        version_floor=floor,
        state=status.state,
        reason=status.reason,
        voice=status.voice,
        since=moment(status.since),
        retry_at=moment(status.retry_at),
        restarts=status.restarts,
        progress=status.progress,
        release_id=release.release.id,
        trust=trust_view(release, standing),
        upstream=_upstream(found),
        rating=rating_view(rate(declared(release, standing), observed(status))),
        permissions=permissions_view(release.release.permissions),
        ui=_ui(record, release),
        has_settings=bool(manifest and manifest.settings_schema),
        settings_required=bool(manifest and _settings_missing(record, manifest)),
        installed_at=moment(record.installed_at),
        updated_at=moment(record.updated_at),
        instances=[instance_view(instance, circuit_of(instance.id)) for instance in status.instances],
        personal=list(status.personal),
        recorded=status.recorded,
        definition=record.definition,
    )


def _upstream(found: Finding | None) -> views.UpstreamView | None:
    if found is None:
        return None
    return views.UpstreamView(
        reference=found.offer.reference if found.offer else "",
        changed=found.changed,
        digest=found.offer.digest if found.offer else "",
        installed=found.offer.installed if found.offer else "",
        newest=found.newest,
        words=found.words,
        problem=found.problem,
        checked_at=moment(found.checked_at),
    )


def instance_view(instance: InstanceStatus, circuit: CircuitReport | None) -> instance_views.InstanceView:
    return instance_views.InstanceView(
        id=instance.id,
        release_id=instance.release_id,
        state=instance.state,
        healthy=instance.healthy,
        reason=instance.reason,
        voice=instance.voice,
        weight=instance.weight,
        runtime=instance.runtime,
        ownership=instance.ownership,
        started_at=moment(instance.started_at),
        address=instance.address,
        sandbox=_sandbox(instance.sandbox),
        relay=_relay(instance),
        circuit=_circuit(circuit),
    )


def _circuit(report: CircuitReport | None) -> instance_views.CircuitView:
    if report is None:
        return instance_views.CircuitView(state="closed", words="", until=None, ejections=0)
    now = time.time()
    return instance_views.CircuitView(
        state=report.state_at(now),
        words=report.words_at(now),
        until=moment(report.until),
        ejections=report.times,
    )


def _sandbox(sandbox: Sandbox | None) -> instance_views.SandboxView | None:
    if sandbox is None:
        return None
    return instance_views.SandboxView(
        level=sandbox.level, network=sandbox.network, holds=list(sandbox.holds), lacks=list(sandbox.lacks)
    )


def _relay(instance: InstanceStatus) -> instance_views.RelayView | None:
    relay = instance.relay
    # One that has a network besides is not held by what the relay grants, so nothing is claimed.
    if relay is None or instance.sandbox is None or instance.sandbox.network != "none":
        return None
    return instance_views.RelayView(
        granted=list(relay.granted),
        unmet=list(relay.unmet),
        open=relay.open,
        connections=relay.connections,
        sent=relay.sent,
        received=relay.received,
        refusals=relay.refusals,
        last_refusal=relay.last_refusal,
        refused_at=moment(relay.refused_at),
        problem=relay.problem,
    )


def trust_view(record: ReleaseRecord, standing: Standing | None) -> trust_views.TrustView:
    """From what let it in; ``standing`` where the policy has been held against it since."""
    found = record.acceptance
    built_in = record.release.source is Source.BUILT_IN
    if found is None:
        words = "Shipped with the gateway or laid there by its operator." if built_in else "Not verified."
        found = Acceptance(at=0.0, verified=built_in, rule="built-in" if built_in else "", words=words)
    refusal = standing.refusal if standing else None
    return trust_views.TrustView(
        verified=found.verified and refusal is None,
        rule=found.rule,
        words=found.words,
        signer=found.signer,
        keys=list(found.keys),
        course=standing.course.value if standing else "run",
        refusal=refusal.detail if refusal else "",
    )


def candidate_view(candidate: Candidate) -> views.CandidateView:
    release, acceptance = candidate.release, candidate.acceptance
    record = ReleaseRecord(release=release, acceptance=acceptance)
    return views.CandidateView(
        id=release.plugin_id,
        name=release.name,
        version=release.version,
        source=release.source,
        tier=release.tier,
        release_id=release.id,
        permissions=permissions_view(release.permissions),
        ui_type=release.ui_type,
        consent_needed=needs_consent(release),
        trust=trust_view(record, None) if acceptance else None,
        rating=rating_view(rate(declared(record))),
        refusal=candidate.refusal.problem() if candidate.refusal else None,
        lock=release_lock(release),
    )


def release_view(record: ReleaseRecord, current: ReleaseId, standing: Standing | None) -> views.ReleaseView:
    release = record.release
    return views.ReleaseView(
        id=release.id,
        version=release.version,
        current=release.id == current,
        source=release.source,
        tier=release.tier,
        trust=trust_view(record, standing),
        added_at=moment(record.added_at),
        one_way=bool(record.manifest and record.manifest.one_way_migration),
        lock=release_lock(release),
    )


def settings_view(record: PluginRecord, manifest: Manifest | None) -> settings_views.SettingsView:
    schema = manifest.settings_schema if manifest else None
    newer = manifest is not None and record.settings.schema_version < manifest.settings_version
    earlier = newer and not never_saved(record.settings)
    return settings_views.SettingsView(
        schema=dict(schema) if schema else None,
        values=dict(record.settings.values),
        secrets_set=sorted(record.settings.secrets),
        revision=record.settings.revision,
        earlier_form=earlier,
        carried=_carried(carry(schema or {}, record.settings)) if earlier else None,
    )


def _carried(found: Carried) -> settings_views.CarriedSettings:
    left = [
        settings_views.LeftSetting(pointer=one.pointer, value=one.value, secret=one.secret)
        for one in found.left
    ]
    return settings_views.CarriedSettings(values=found.values, secrets_set=sorted(found.secrets), left=left)


def log_view(line: InstanceLogLine) -> instance_views.LogLineView:
    return instance_views.LogLineView(at=moment(line.at), instance=line.instance, text=line.text)


def event_view(event: Event) -> system_views.EventView:
    at = datetime.fromtimestamp(event.at, UTC)
    return system_views.EventView(
        id=event.id, at=at, type=event.type, plugin=event.plugin, data=dict(event.data)
    )


def rating_view(rating: Rating) -> trust_views.RatingView:
    reasons = [
        trust_views.RatingReasonView(points=reason.points, words=reason.words, observed=reason.observed)
        for reason in rating.reasons
    ]
    # The grade is one of those that the model names.
    return trust_views.RatingView.model_validate(
        {"grade": rating.grade, "points": rating.points, "final": rating.final, "reasons": reasons}
    )


def permissions_view(permissions: Permissions) -> views.PermissionsView:
    return views.PermissionsView(
        egress=list(permissions.egress),
        volumes=list(permissions.volumes),
        origins=list(permissions.origins),
    )


def _ui(record: PluginRecord, release: ReleaseRecord) -> views.UiView | None:
    # The bundle is known after the first start; until then the release's own word counts.
    kind = release.ui.type if release.ui else release.release.ui_type
    return None if kind is UiType.NONE else views.UiView(type=kind, url=f"/plugins/{record.id}/ui/")


def _settings_missing(record: PluginRecord, manifest: Manifest) -> bool:
    """Whether the schema requires something at its top that was never given."""
    required = (manifest.settings_schema or {}).get("required", [])
    return any(
        name not in record.settings.values and f"/{name}" not in record.settings.secrets for name in required
    )
