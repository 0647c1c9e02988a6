"""When to try again, and when to give up and say why. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from gateway.settings import Settings
from gateway.supervisor.words import sentence

_KEPT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to go on trying; times in seconds."""

    first: float
    longest: float
    give_up_after: int
    stable_after: float

    @classmethod
    def of(cls, settings: Settings) -> Patience:
        return cls(
            first=settings.backoff_first,
            longest=settings.backoff_max,
            give_up_after=settings.quarantine_after,
            stable_after=settings.stable_after,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Failures in a row of one instance. ``held_until`` is on the steady clock."""

    failures: int = 0
    reasons: tuple[str, ...] = ()
    held_until: float = 0.0
    quarantine: str = ""


def failed(
    attempts: Attempts,
    reason: str,
    *,
    plugin: str,
    now: float,
    healthy_for: float,
    permanent: bool,
    patience: Patience,
) -> Attempts:
    """Count one failure: hold the next start back, or end the trying.

    A healthy time of ``stable_after`` before it makes it the first of a new row.
    ``permanent`` means that the same release would fail the same way again.
    """
    if healthy_for >= patience.stable_after:
        attempts = Attempts()
    reason = sentence(reason)
    failures = attempts.failures + 1
    reasons = (*attempts.reasons, reason)[-_KEPT:]
    counted = replace(attempts, failures=failures, reasons=reasons)
    if permanent:
        return replace(counted, quarantine=f"{reason} Trying again would not help. {_what_to_do(plugin)}")
    if failures >= patience.give_up_after:
        return replace(counted, quarantine=_explain(failures, reasons, plugin))
    # The exponent is bounded, as a float overflows long before the doublings end.
    pause = min(patience.longest, patience.first * 2.0 ** min(failures - 1, 60))
    return replace(counted, held_until=now + pause)


def _explain(failures: int, reasons: tuple[str, ...], plugin: str) -> str:
    counted = Counter(reasons)
    told = " ".join(f"{times} times: {reason}" if times > 1 else reason for reason, times in counted.items())
    row = "It failed once" if failures == 1 else f"It failed {failures} times in a row"
    return f"{row} and is not started again. Last: {told} {_what_to_do(plugin)}"


def _what_to_do(plugin: str) -> str:
    return f"See 'plugway logs {plugin}', mend the cause, then 'plugway restart {plugin}'."
