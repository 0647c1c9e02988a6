"""What a rollout means for instances and weights: recomputed from its phase each time. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model import ReleaseId
from gateway.supervisor.rollout import Phase, Rollout, Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One side that should run; ``weight`` is its percentage of new sessions.

    ``draining`` means that running calls may finish but no new one is sent, not even
    one of a session that was bound to it.
    """

    release_id: ReleaseId
    weight: int
    slot: int = 0
    draining: bool = False
    candidate: bool = False


def shape(rollout: Rollout, seen: Seen) -> tuple[Share, ...]:
    """The releases that should run now. Weights add up to 100, whatever the phase."""
    match rollout.effective:
        case Phase.PENDING | Phase.ROLLED_BACK | Phase.SUPERSEDED:
            return (_stable(rollout, 100),)
        case Phase.STARTING | Phase.VERIFYING:
            return (_stable(rollout, 100), _candidate(rollout, 0))
        case Phase.CANARY:
            weight = rollout.plan.steps[rollout.step].weight
            return (_stable(rollout, 100 - weight), _candidate(rollout, weight))
        case Phase.PROMOTING | Phase.BAKING | Phase.ROLLBACK_PAUSED:
            return (_candidate(rollout, 100), _stable(rollout, 0))
        case Phase.DRAINING:
            return (_candidate(rollout, 100), _stable(rollout, 0, draining=True))
        case Phase.ABORTING if seen.stable_up or not (rollout.exposed and seen.candidate_healthy):
            return (_stable(rollout, 100), _candidate(rollout, 0, draining=True))
        case Phase.ABORTING:
            # Back to a release that is down would be an outage: the candidate serves until it is up.
            return (_stable(rollout, 0), _candidate(rollout, 100))
        case _:
            return (_candidate(rollout, 100),)


def _stable(rollout: Rollout, weight: int, *, draining: bool = False) -> Share:
    return Share(
        release_id=rollout.stable,
        slot=rollout.stable_slot,
        weight=weight,
        draining=draining,
        candidate=False,
    )


def _candidate(rollout: Rollout, weight: int, *, draining: bool = False) -> Share:
    return Share(
        release_id=rollout.candidate,
        slot=rollout.candidate_slot,
        weight=weight,
        draining=draining,
        candidate=True,
    )
