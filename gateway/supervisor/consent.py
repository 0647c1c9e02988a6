"""What a release may do beyond the one in use, and which instances may do so by now."""

from __future__ import annotations

from gateway.errors import NotFound
from gateway.model import InstanceId, Permissions, Release, ReleaseId
from gateway.registry.store import RegistryStore
from gateway.supervisor.contract_diff import permission_findings
from gateway.supervisor.plan import instance_id
from gateway.supervisor.rollout import Phase, Rollout
from gateway.supervisor.rollout_codec import decode
from gateway.supervisor.rollout_desired import instances


def further(store: RegistryStore, rollout: Rollout) -> tuple[str, ...]:
    """What the candidate's release may do that the stable one may not, in words."""
    granted = _permissions(store, rollout.stable)
    return permission_findings(granted, store.release(rollout.candidate).release.permissions)


def permitted(store: RegistryStore, instance: InstanceId, release: Release) -> Permissions:
    """What the instance may do now: all that its release may, or what the stable one may as well.

    The second holds for the candidate of a rollout whose further permissions nobody agreed to, until
    its end. None is started before that; one may run of which an older gateway had asked later.
    """
    plugin = store.plugin(release.plugin_id)
    if instance == instance_id(plugin.release_id, plugin.slot):
        return release.permissions
    for record in store.rollouts(plugin.id):
        rollout = decode(record)
        if instances(rollout)[1] == instance:
            agreed = rollout.phase is Phase.SUCCEEDED or not rollout.unagreed(further(store, rollout))
            return release.permissions if agreed else _shared(store, rollout, release.permissions)
    return release.permissions


def _shared(store: RegistryStore, rollout: Rollout, wanted: Permissions) -> Permissions:
    more = wanted.exceeds(_permissions(store, rollout.stable))
    return wanted.exceeds(more)


def _permissions(store: RegistryStore, release: ReleaseId) -> Permissions:
    """Nothing where the release is forgotten: then nobody can tell what it was granted."""
    try:
        return store.release(release).release.permissions
    except NotFound:
        return Permissions()
