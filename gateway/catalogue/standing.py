"""How a catalogue stands: what is known of it now."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.catalogue.index import Index
from gateway.catalogue.kept import Kept
from gateway.catalogue.signed import Expected
from gateway.catalogue.subscriptions import Subscription
from gateway.trust.times import write_moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One catalogue of the operator's list. Times are Unix seconds, 0 for never.

    ``index`` is the newest that was taken, None where there was none. ``problem`` is what the last
    look at it met, and ``hint`` what to do about that; both empty where all is well.
    """

    name: str
    subscription: Subscription
    kept: Kept = Kept()
    index: Index | None = None
    checked_at: float = 0.0
    problem: str = ""
    hint: str = ""

    def expired(self, now: float) -> bool:
        return self.index is not None and self.index.expires.timestamp() <= now

    def doubt(self, now: float) -> str:
        """Why nothing may be installed from it; empty where it may."""
        if self.index is None or not self.expired(now):
            return ""
        return (
            f"the catalogue {self.name} expired at {write_moment(self.index.expires)}: "
            "newer versions may be held back"
        )


def expected_of(standing: Standing) -> Expected:
    """What an index of this catalogue has to meet."""
    wanted = standing.subscription
    return Expected(keys=wanted.keys, threshold=wanted.threshold, name=wanted.index, seen=standing.kept.seen)
