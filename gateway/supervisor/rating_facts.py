"""What a rating is computed from, taken from the records and from what was seen. Pure."""

from __future__ import annotations

from gateway.model import Access, Manifest, Permissions, PluginState, Release, RemoteArtifact, Source
from gateway.registry.records import Acceptance, ReleaseRecord
from gateway.supervisor.rating import Declared, Observed
from gateway.supervisor.status import PluginStatus
from gateway.trust.standing import Standing


def declared(record: ReleaseRecord, standing: Standing | None = None) -> Declared:
    """``standing`` where the policy has been held against it since it was let in."""
    refusal = standing.refusal if standing else None
    return of_release(
        record.release, record.acceptance, record.manifest, refusal=refusal.detail if refusal else ""
    )


def of_release(
    release: Release,
    acceptance: Acceptance | None,
    manifest: Manifest | None = None,
    *,
    refusal: str = "",
) -> Declared:
    """Routes are known once it has said what it is, and not before."""
    artifact = release.artifact
    remote = isinstance(artifact, RemoteArtifact)
    verified = acceptance is not None and acceptance.verified
    # What runs elsewhere was granted nothing; only it can say what it uses.
    permissions = manifest.permissions if remote and manifest else release.permissions
    return Declared(
        shipped=release.source is Source.BUILT_IN,
        signer=acceptance.signer if acceptance and verified else "",
        refusal=refusal,
        remote=remote,
        behind=release.source is Source.REMOTE and not remote,
        identity=artifact.identity if isinstance(artifact, RemoteArtifact) else "",
        egress=permissions.egress,
        volumes=permissions.volumes,
        origins=permissions.origins,
        public=_public(manifest) if manifest else (),
    )


def offered(source: Source | None, permissions: Permissions, *, signature: bool) -> Declared:
    """Of a plugin in a catalogue; ``signature``: one is there, or is looked for."""
    return Declared(
        shipped=source is Source.BUILT_IN,
        offered=signature,
        remote=source is Source.REMOTE,
        egress=permissions.egress,
        volumes=permissions.volumes,
        origins=permissions.origins,
    )


def observed(status: PluginStatus) -> Observed:
    """Of all its instances; nothing is taken for what nobody here can see."""
    relays = [instance.relay for instance in status.instances if instance.relay is not None]
    return Observed(
        sandboxes=tuple(one.sandbox for one in status.instances if one.sandbox is not None),
        failures=sum(instance.failures for instance in status.instances),
        failed_calls=sum(instance.failed_calls for instance in status.instances),
        refusals=sum(relay.forbidden for relay in relays),
        quarantined=status.state is PluginState.QUARANTINED,
    )


def _public(manifest: Manifest) -> tuple[str, ...]:
    return tuple(rule.path_prefix for rule in manifest.routes if rule.access is Access.PUBLIC)
