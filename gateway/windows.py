"""Counts of calls in a span of time: filled by data planes, read by the analysis of a rollout."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

BUCKETS: tuple[float, ...] = tuple(0.001 * 2.0**n for n in range(18))
"""Upper bounds of the latency buckets, in seconds: 1 ms, doubled to 131 s."""


@dataclass(slots=True)
class Window:
    """Calls of one instance in one span of time; ``buckets`` has one more than BUCKETS for the rest."""

    calls: int = 0
    errors: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))

    def add(self, seconds: float, failed: bool) -> None:
        self.calls += 1
        self.errors += failed
        self.buckets[bisect_left(BUCKETS, seconds)] += 1

    def take(self, calls: int, errors: int, buckets: Sequence[int]) -> None:
        """Add what was counted elsewhere."""
        self.calls += calls
        self.errors += errors
        self.buckets = [mine + theirs for mine, theirs in zip(self.buckets, buckets, strict=True)]

    def quantile(self, share: float) -> float:
        """Upper bound, in seconds, of the bucket that holds this quantile; 0 without calls."""
        wanted, seen = share * sum(self.buckets), 0
        for bound, count in zip((*BUCKETS, float("inf")), self.buckets, strict=True):
            seen += count
            if count and seen >= wanted:
                return bound
        return 0.0
