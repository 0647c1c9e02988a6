"""What came of the checks: findings, and the report that they make up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """``NOT_APPLICABLE``: the plugin has nothing of the kind. ``NOT_TRIED``: nobody can tell yet."""

    PASS = "pass"  # noqa: S105  (no password)
    FAIL = "fail"
    NOT_APPLICABLE = "not-applicable"
    NOT_TRIED = "not-tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found. ``promise`` is the contract's own sentence; ``hint`` says what to do."""

    id: str
    promise: str
    outcome: Outcome
    seen: str
    hint: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All findings about one plugin, in the order of the checks."""

    target: str
    plugin: str = ""
    version: str = ""
    findings: tuple[Finding, ...] = field(default=())

    def of(self, outcome: Outcome) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.outcome is outcome)

    def holds(self, *, strict: bool) -> bool:
        """Whether it may be shipped; ``strict`` counts what was not tried as failed."""
        return not self.of(Outcome.FAIL) and not (strict and self.of(Outcome.NOT_TRIED))

    def document(self, *, strict: bool) -> dict[str, Any]:
        """For programs."""
        counts = Counter(finding.outcome for finding in self.findings)
        return {
            "target": self.target,
            "plugin": self.plugin,
            "version": self.version,
            "ok": self.holds(strict=strict),
            "counts": {outcome.value: counts[outcome] for outcome in Outcome},
            "checks": [
                {
                    "id": one.id,
                    "outcome": one.outcome.value,
                    "promise": one.promise,
                    "seen": one.seen,
                    "hint": one.hint,
                    "seconds": round(one.seconds, 3),
                }
                for one in self.findings
            ],
        }
