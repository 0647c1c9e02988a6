"""A rollout's shape in terms of the plan: which instances should run, with which share of the calls. Pure."""

from __future__ import annotations

from gateway.model import InstanceId
from gateway.routing import Preview
from gateway.supervisor.plan import DesiredPlugin, DesiredRelease, Role, instance_id
from gateway.supervisor.rollout import Phase, Rollout, Seen
from gateway.supervisor.rollout_shape import Share, shape


def desired_by(rollout: Rollout, seen: Seen) -> DesiredPlugin:
    releases = tuple(_desired(rollout, share) for share in shape(rollout, seen))
    return DesiredPlugin(id=rollout.plugin_id, releases=releases, preview=_preview(rollout))


def instances(rollout: Rollout) -> tuple[InstanceId, InstanceId]:
    """The stable one and the candidate. Never the same, even where their release is."""
    return (
        instance_id(rollout.stable, rollout.stable_slot),
        instance_id(rollout.candidate, rollout.candidate_slot),
    )


def _desired(rollout: Rollout, share: Share) -> DesiredRelease:
    role = Role.CANDIDATE if share.candidate else Role.STABLE
    return DesiredRelease(
        release_id=share.release_id,
        weight=share.weight,
        role=Role.DRAINING if share.draining else role,
        grace=rollout.plan.timing.drain,
        slot=share.slot,
    )


def _preview(rollout: Rollout) -> Preview | None:
    """They may look at a candidate as soon as it is verified, whatever its weight."""
    if rollout.effective is not Phase.CANARY:
        return None
    plan = rollout.plan
    return Preview(release_id=rollout.candidate, header=plan.tester_header, cookie=plan.tester_cookie)
