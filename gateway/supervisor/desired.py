"""From the registry's records to what should run now. Pure."""

from __future__ import annotations

import secrets

from gateway.model import Endpoint, InstanceId, Ownership, PluginId, Release, RemoteArtifact, TlsFiles
from gateway.registry.records import PluginRecord
from gateway.supervisor.plan import DesiredPlugin, DesiredRelease


def desired_plugin(record: PluginRecord, release: Release, moving: DesiredPlugin | None) -> DesiredPlugin:
    """One release at full weight, or what the rollout under way (``moving``) wants."""
    if not record.enabled:
        return DesiredPlugin(id=record.id)
    if moving is not None:
        return moving
    return DesiredPlugin(
        id=record.id,
        releases=(
            DesiredRelease(release_id=record.release_id, ownership=ownership(release), slot=record.slot),
        ),
    )


def ownership(release: Release) -> Ownership:
    return Ownership.REMOTE if isinstance(release.artifact, RemoteArtifact) else Ownership.MANAGED


def remote_endpoint(
    instance: InstanceId, plugin: PluginId, artifact: RemoteArtifact, tls: TlsFiles | None
) -> Endpoint:
    """Where a remote plugin answers, perhaps beside others."""
    return Endpoint(
        instance_id=instance,
        address=artifact.address,
        incarnation=secrets.token_hex(4),
        tls=tls,
        plugin=plugin,
    )
