"""What an operator may ask of a rollout; each gives the next rollout or one clear refusal. Pure."""

from __future__ import annotations

from dataclasses import replace

from gateway.errors import Conflict
from gateway.supervisor.rollout import (
    Phase,
    Rollout,
    Seen,
    begin_abort,
    begin_exposure,
    enter,
    pause_at,
)

_PAUSABLE = frozenset({Phase.STARTING, Phase.VERIFYING, Phase.CANARY, Phase.BAKING})
_BEFORE_PROMOTION = frozenset({Phase.PENDING, Phase.STARTING, Phase.VERIFYING, Phase.CANARY})


class RolloutRefused(Conflict):
    """The rollout is not in a phase where that can be done."""

    key, title = "rollout-refused", "Not in this phase"


def pause(rollout: Rollout, now: float) -> Rollout:
    """Suspend deadlines and keep the weights; raises :class:`RolloutRefused`."""
    if rollout.phase is Phase.PAUSED:
        raise _refused(rollout, "is paused already", "Resume or abort it.")
    if rollout.phase not in _PAUSABLE:
        raise _refused(rollout, f"cannot pause in phase {rollout.phase}", "Watch it with 'plugway status'.")
    return pause_at(rollout, now, "Paused by hand.")


def resume(rollout: Rollout, now: float) -> Rollout:
    """Go on where it was paused. A hold for consent needs :func:`approve`, not this."""
    if rollout.phase is not Phase.PAUSED or rollout.paused_from is None:
        raise _refused(rollout, "is not paused", "Nothing to resume.")
    if rollout.held_for and not rollout.approved:
        raise _refused(
            rollout,
            "waits for consent: " + "; ".join(rollout.held_for),
            "Agree with 'plugway promote --yes', or abort.",
        )
    if rollout.paused_from is Phase.CANARY and rollout.remaining is None:
        return begin_exposure(rollout, now, rollout.step + 1)
    return enter(rollout, rollout.paused_from, now, rollout.remaining)


def approve(rollout: Rollout, now: float) -> Rollout:
    """Say yes to what holds it; goes on from the hold.

    Before the candidate runs this is a yes to what was told then: what its contract takes away
    is not known yet, and held for on its own.
    """
    held = rollout.phase is Phase.PAUSED and bool(rollout.held_for) and not rollout.approved
    if held and rollout.paused_from is Phase.PENDING:
        return resume(replace(rollout, agreed=(*rollout.agreed, *rollout.held_for), held_for=()), now)
    agreed = replace(rollout, approved=True)
    return resume(agreed, now) if held else agreed


def promote(rollout: Rollout, seen: Seen, now: float, *, consent: bool = False) -> Rollout:
    """Skip the steps that are left and switch, or stay after a held rollback."""
    if rollout.phase is Phase.ROLLBACK_PAUSED:
        return enter(rollout, Phase.PROMOTING, now, None)
    if rollout.effective not in _BEFORE_PROMOTION:
        raise _refused(
            rollout,
            f"is {rollout.phase}: it was promoted before or has ended",
            "Watch it with 'plugway status'.",
        )
    findings = rollout.unagreed(rollout.held_for or seen.findings or ())
    if not consent and findings:
        raise _refused(rollout, "waits for consent: " + "; ".join(findings), "Add --yes to agree.")
    if not seen.candidate_healthy or seen.findings is None:
        raise _refused(
            rollout,
            "has a candidate that is not verified yet",
            "Wait until it is healthy, then promote again.",
        )
    return replace(enter(rollout, Phase.PROMOTING, now, None), approved=rollout.approved or consent)


def abort(rollout: Rollout, seen: Seen, now: float, *, reason: str = "", force: bool = False) -> Rollout:
    """Go back to the stable release, straight, from any live phase."""
    if not rollout.live:
        raise _refused(
            rollout, f"has ended: {rollout.phase}", "Use 'plugway rollback' to go to the release before."
        )
    if rollout.phase is Phase.ABORTING:
        raise _refused(rollout, "is going back already", "Watch it with 'plugway status'.")
    text = reason or "Aborted by hand."
    return begin_abort(rollout, seen, now, text, force=force or not rollout.exposed)


def supersede(rollout: Rollout, now: float) -> Rollout:
    """End it for a newer request; only while the stable release is still the one that counts."""
    if rollout.effective not in _BEFORE_PROMOTION:
        raise _refused(
            rollout,
            f"is {rollout.phase}; a new one cannot begin before it has ended",
            "Wait, or abort it first.",
        )
    return enter(rollout, Phase.SUPERSEDED, now, None, "A newer rollout was asked for.")


def _refused(rollout: Rollout, what: str, hint: str) -> RolloutRefused:
    return RolloutRefused(
        f"Rollout {rollout.id} of {rollout.plugin_id} {what}.", plugin=rollout.plugin_id, hint=hint
    )
