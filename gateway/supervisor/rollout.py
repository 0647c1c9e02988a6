"""The rollout machine: from a rollout, what is seen and the time, to the next rollout. Pure.

    PENDING > STARTING > VERIFYING > CANARY(i) <> PAUSED > PROMOTING > BAKING > DRAINING > SUCCEEDED

From any live phase ABORTING > ROLLED_BACK, or ROLLBACK_PAUSED where going back would harm;
SUPERSEDED where a newer request came. Times are seconds of ``gateway.clock.SteadyClock``:
absolute, stored, and untouched by jumps of the wall clock. What each phase means for
instances and weights is :mod:`gateway.supervisor.rollout_shape`; what an operator may ask
for is :mod:`gateway.supervisor.rollout_commands`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from gateway.model import PluginId, ReleaseId


class Phase(StrEnum):
    PENDING = "pending"
    STARTING = "starting"
    VERIFYING = "verifying"
    CANARY = "canary"
    PAUSED = "paused"
    PROMOTING = "promoting"
    BAKING = "baking"
    DRAINING = "draining"
    SUCCEEDED = "succeeded"
    ABORTING = "aborting"
    ROLLED_BACK = "rolled-back"
    ROLLBACK_PAUSED = "rollback-paused"
    SUPERSEDED = "superseded"


TERMINAL = frozenset({Phase.SUCCEEDED, Phase.ROLLED_BACK, Phase.SUPERSEDED})
EXPOSED = frozenset({Phase.CANARY, Phase.PROMOTING, Phase.BAKING, Phase.DRAINING})
"""Phases in which the candidate carries calls of ordinary users."""


class Strategy(StrEnum):
    """``direct`` and ``blue-green`` switch at once; ``blue-green`` bakes longer. ``canary`` goes in steps."""

    DIRECT = "direct"
    BLUE_GREEN = "blue-green"
    CANARY = "canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A share of new sessions in percent, held for ``seconds``; None waits for a promote by hand."""

    weight: int
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Budgets in seconds. Defaults as kamal-proxy and Nomad have them (see docs/rollouts.md).

    The candidate is asked for its health each ``probe_interval`` and has ``probe_timeout`` to
    answer; None leaves either to the settings of the gateway.
    """

    startup: float = 30.0
    probe_interval: float | None = None
    probe_timeout: float | None = None
    min_healthy: float = 10.0
    bake: float = 30.0
    drain: float = 30.0
    progress: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to move: fixed when the rollout is asked for."""

    strategy: Strategy = Strategy.DIRECT
    steps: tuple[Step, ...] = ()
    timing: Timing = Timing()
    tester_header: str = ""
    tester_cookie: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One move of one plugin from ``stable`` to ``candidate``; replaced whole at each transition."""

    id: str
    plugin_id: PluginId
    stable: ReleaseId
    candidate: ReleaseId
    # Which instances of the two; with equal releases they differ, and in their settings.
    stable_slot: int = 0
    candidate_slot: int = 0
    # Kept here as well: the releases may be forgotten before the rollout is.
    stable_version: str = ""
    candidate_version: str = ""
    # The plugin's definition once it has succeeded, as a document; None leaves it as it is.
    definition: Mapping[str, Any] | None = None
    plan: Plan
    phase: Phase = Phase.PENDING
    step: int = 0
    # Until when this phase may last, or has to; None while nothing limits it.
    deadline: float | None = None
    progress_deadline: float | None = None
    paused_from: Phase | None = None
    # Seconds that were left of ``deadline`` when it was paused.
    remaining: float | None = None
    reason: str = ""
    # Findings that need a yes; ``approved`` says that someone gave it.
    held_for: tuple[str, ...] = ()
    approved: bool = False
    # Findings that someone agreed to before the candidate was started; later ones need a yes of their own.
    agreed: tuple[str, ...] = ()
    # The candidate has carried calls of ordinary users.
    exposed: bool = False
    is_rollback: bool = False
    cut: int = 0

    @property
    def live(self) -> bool:
        return self.phase not in TERMINAL

    @property
    def changes_settings(self) -> bool:
        """Both sides are the same release: the settings are what moves."""
        return self.stable == self.candidate

    def unagreed(self, findings: tuple[str, ...]) -> tuple[str, ...]:
        """Those that nobody has agreed to."""
        return () if self.approved else tuple(each for each in findings if each not in self.agreed)

    @property
    def effective(self) -> Phase:
        """The phase that counts for weights: a pause keeps what it interrupted."""
        return self.paused_from if self.phase is Phase.PAUSED and self.paused_from else self.phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the supervisor observes. ``failure`` is the candidate's, in words; empty where it has none.

    ``further`` is what the candidate's release may do beyond the stable one, in words: known before
    anything of it runs. ``findings`` is None until the contract diff is known. ``verdict`` is what
    the analysis found against the candidate; empty where it found nothing, or could not measure.
    ``candidate_launched`` says that its image is there and it was started; until then its
    start-up budget does not count. ``progress`` is what that start is at, in words.
    """

    candidate_launched: bool = False
    candidate_healthy: bool = False
    healthy_for: float = 0.0
    failure: str = ""
    further: tuple[str, ...] = ()
    findings: tuple[str, ...] | None = None
    verdict: str = ""
    stable_up: bool = True
    candidate_routed: bool = False
    stable_drained: bool = False
    candidate_drained: bool = False
    one_way: bool = False
    cut: int = 0
    progress: str = ""


def advance(rollout: Rollout, seen: Seen, now: float) -> Rollout:
    """The rollout after one look; the same object where nothing changes."""
    if not rollout.live or rollout.phase is Phase.ROLLBACK_PAUSED:
        return rollout
    if rollout.phase is Phase.ABORTING:
        return _finish_abort(rollout, seen, now)
    if against := _against(rollout, seen, now):
        return begin_abort(rollout, seen, now, against)
    match rollout.phase:
        case Phase.PENDING:
            return _begin(rollout, seen, now)
        case Phase.STARTING if seen.candidate_healthy:
            return enter(rollout, Phase.VERIFYING, now, None)
        case Phase.STARTING if seen.candidate_launched and rollout.deadline is None:
            # How long an image takes says nothing about the candidate; the progress deadline limits it.
            return enter(rollout, Phase.STARTING, now, rollout.plan.timing.startup)
        case Phase.VERIFYING:
            return _verify(rollout, seen, now)
        case Phase.CANARY:
            return _canary(rollout, now)
        case Phase.PROMOTING if seen.candidate_routed:
            return enter(rollout, Phase.BAKING, now, rollout.plan.timing.bake)
        case Phase.BAKING if _over(rollout, now):
            return enter(rollout, Phase.DRAINING, now, rollout.plan.timing.drain)
        case Phase.DRAINING if seen.stable_drained or _over(rollout, now):
            return replace(enter(rollout, Phase.SUCCEEDED, now, None), cut=seen.cut)
    return rollout


def enter(rollout: Rollout, phase: Phase, now: float, seconds: float | None, reason: str = "") -> Rollout:
    """Go to ``phase`` for ``seconds``. Every transition is progress, and extends that deadline."""
    terminal = phase in TERMINAL
    longest = rollout.plan.timing.progress + (seconds or 0.0)
    return replace(
        rollout,
        phase=phase,
        deadline=None if seconds is None else now + seconds,
        progress_deadline=None if terminal else now + longest,
        paused_from=None,
        remaining=None,
        reason=reason or (rollout.reason if terminal or phase is Phase.ABORTING else ""),
        exposed=rollout.exposed or phase in EXPOSED,
    )


def begin_abort(rollout: Rollout, seen: Seen, now: float, reason: str, *, force: bool = False) -> Rollout:
    """Turn back, or stop and ask where the candidate may have changed data for good."""
    if seen.one_way and rollout.exposed and not force:
        explained = (
            f"{reason} Going back is held: this release changes its data in a way that older ones "
            "cannot read. Abort with force to go back all the same, or promote to stay."
        )
        return enter(rollout, Phase.ROLLBACK_PAUSED, now, None, explained)
    return enter(rollout, Phase.ABORTING, now, rollout.plan.timing.drain, reason)


def begin_exposure(rollout: Rollout, now: float, step: int = 0) -> Rollout:
    """Enter the given canary step, or promote where there is none left."""
    if step < len(rollout.plan.steps):
        current = rollout.plan.steps[step]
        return replace(enter(rollout, Phase.CANARY, now, current.seconds), step=step)
    return enter(rollout, Phase.PROMOTING, now, None)


def pause_at(rollout: Rollout, now: float, reason: str) -> Rollout:
    """Suspend every deadline until someone resumes."""
    return replace(
        rollout,
        phase=Phase.PAUSED,
        paused_from=rollout.phase,
        remaining=None if rollout.deadline is None else max(0.0, rollout.deadline - now),
        deadline=None,
        progress_deadline=None,
        reason=reason,
    )


def _begin(rollout: Rollout, seen: Seen, now: float) -> Rollout:
    further = rollout.unagreed(seen.further)
    return _hold(rollout, now, further) if further else enter(rollout, Phase.STARTING, now, None)


def _hold(rollout: Rollout, now: float, findings: tuple[str, ...]) -> Rollout:
    held = replace(rollout, held_for=findings)
    return pause_at(held, now, "Held until someone agrees: " + "; ".join(findings))


def _verify(rollout: Rollout, seen: Seen, now: float) -> Rollout:
    if seen.findings is None:
        return rollout
    if findings := rollout.unagreed(seen.findings):
        return _hold(rollout, now, findings)
    if seen.candidate_healthy and seen.healthy_for >= rollout.plan.timing.min_healthy:
        return begin_exposure(rollout, now)
    return rollout


def _canary(rollout: Rollout, now: float) -> Rollout:
    current = rollout.plan.steps[rollout.step]
    if current.seconds is None:
        return pause_at(rollout, now, f"{current.weight} % of new sessions; waits for a promote by hand.")
    return begin_exposure(rollout, now, rollout.step + 1) if _over(rollout, now) else rollout


def _finish_abort(rollout: Rollout, seen: Seen, now: float) -> Rollout:
    # The stable release has to be up before the candidate is let go: nobody else serves.
    if not seen.stable_up:
        return rollout
    if seen.candidate_drained or _over(rollout, now):
        return replace(enter(rollout, Phase.ROLLED_BACK, now, None), cut=seen.cut)
    return rollout


def _against(rollout: Rollout, seen: Seen, now: float) -> str:
    """The reason to turn back, if there is one. After the bake the old release is being let go."""
    if rollout.phase is Phase.DRAINING:
        return ""
    if seen.failure:
        return seen.failure
    if seen.verdict and rollout.effective in EXPOSED:
        return seen.verdict
    if rollout.phase is Phase.STARTING and _over(rollout, now):
        return (
            f"The candidate was not healthy within {rollout.plan.timing.startup:g} s. {seen.progress}".strip()
        )
    if (
        rollout.phase is not Phase.PAUSED
        and rollout.progress_deadline is not None
        and now >= rollout.progress_deadline
    ):
        told = f"No progress for {rollout.plan.timing.progress:g} s in phase {rollout.phase}."
        return f"{told} {seen.progress}".strip() if rollout.phase is Phase.STARTING else told
    return ""


def _over(rollout: Rollout, now: float) -> bool:
    return rollout.deadline is not None and now >= rollout.deadline
