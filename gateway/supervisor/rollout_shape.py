"""What a rollout means for instances and weights: recomputed from its phase each time. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model import ReleaseId
from gateway.supervisor.rollout import Phase, Rollout, Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One release that should run; ``weight`` is its percentage of new sessions.

    ``draining`` means that running calls may finish but no new one is sent, not even
    one of a session that was bound to it.
    """

    release_id: ReleaseId
    weight: int
    draining: bool = False


def shape(rollout: Rollout, seen: Seen) -> tuple[Share, ...]:
    """The releases that should run now. Weights add up to 100, whatever the phase."""
    stable, candidate = rollout.stable, rollout.candidate
    match rollout.effective:
        case Phase.PENDING | Phase.ROLLED_BACK | Phase.SUPERSEDED:
            return (Share(release_id=stable, weight=100),)
        case Phase.STARTING | Phase.VERIFYING:
            return (Share(release_id=stable, weight=100), Share(release_id=candidate, weight=0))
        case Phase.CANARY:
            weight = rollout.plan.steps[rollout.step].weight
            return (Share(release_id=stable, weight=100 - weight), Share(release_id=candidate, weight=weight))
        case Phase.PROMOTING | Phase.BAKING | Phase.ROLLBACK_PAUSED:
            return (Share(release_id=candidate, weight=100), Share(release_id=stable, weight=0))
        case Phase.DRAINING:
            return (
                Share(release_id=candidate, weight=100),
                Share(release_id=stable, weight=0, draining=True),
            )
        case Phase.ABORTING if seen.stable_up or not (rollout.exposed and seen.candidate_healthy):
            return (
                Share(release_id=stable, weight=100),
                Share(release_id=candidate, weight=0, draining=True),
            )
        case Phase.ABORTING:
            # Back to a release that is down would be an outage: the candidate serves until it is up.
            return (Share(release_id=stable, weight=0), Share(release_id=candidate, weight=100))
        case _:
            return (Share(release_id=candidate, weight=100),)
