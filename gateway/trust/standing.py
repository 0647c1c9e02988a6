"""What becomes of a release that was accepted, when the policy has changed since. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.trust.facts import Facts
from gateway.trust.judge import Verdict, judge
from gateway.trust.policy import Policy
from gateway.trust.refusal import Refused


class Course(StrEnum):
    """``KEEP`` runs on, and is shown as refused everywhere; ``STOP`` runs no more."""

    RUN = "run"
    KEEP = "keep"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Either a verdict, or the refusal and what the policy says of running releases."""

    course: Course
    verdict: Verdict | None = None
    refusal: Refused | None = None

    @classmethod
    def of_refused(cls, policy: Policy, refusal: Refused) -> Standing:
        return cls(course=Course(policy.revoked_running), refusal=refusal)


def standing(policy: Policy, envelope: bytes | None, facts: Facts, now: datetime) -> Standing:
    """How an accepted release stands now; ``facts.accepted_at`` has to be set (ValueError)."""
    if facts.accepted_at is None:
        raise ValueError("standing is of releases that were accepted")
    try:
        return Standing(course=Course.RUN, verdict=judge(policy, envelope, facts, now))
    except Refused as refusal:
        return Standing.of_refused(policy, refusal)
