"""Whether a candidate does worse than the release it is to replace. Pure.

Small numbers are judged as small numbers: an error rate counts against a candidate only where
chance would hardly give it (one-sided Fisher test), latency only with enough calls on both
sides. Not being able to measure is not a failure, and gives no verdict.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import islice
from math import exp, inf, lgamma

BUCKETS: tuple[float, ...] = tuple(0.001 * 2.0**n for n in range(18))
"""Upper bounds of the latency buckets, in seconds: 1 ms, doubled to 131 s."""

_MIN_ERRORS = 3
_MIN_CALLS_FOR_LATENCY = 20
_CHANCE = 0.01
# Buckets double, so a factor under four could be one bucket's width on either side.
_SLOWER = 4.0
_SLOWER_SECONDS = 0.01


@dataclass(slots=True)
class Window:
    """Calls of one release in one span of time; ``buckets`` has one more than BUCKETS for the rest."""

    calls: int = 0
    errors: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))

    def add(self, seconds: float, failed: bool) -> None:
        self.calls += 1
        self.errors += failed
        self.buckets[bisect_left(BUCKETS, seconds)] += 1

    def quantile(self, share: float) -> float:
        """Upper bound, in seconds, of the bucket that holds this quantile; 0 without calls."""
        wanted, seen = share * sum(self.buckets), 0
        for bound, count in zip((*BUCKETS, float("inf")), self.buckets, strict=True):
            seen += count
            if count and seen >= wanted:
                return bound
        return 0.0


def verdict(candidate: Window, stable: Window) -> str:
    """What speaks against the candidate, in words; empty where nothing does or too little is known."""
    if candidate.errors >= _MIN_ERRORS and chance(candidate, stable) < _CHANCE:
        return (
            f"{candidate.errors} of {candidate.calls} calls failed, "
            f"against {stable.errors} of {stable.calls} on the release before."
        )
    if min(candidate.calls, stable.calls) >= _MIN_CALLS_FOR_LATENCY:
        slow, usual = candidate.quantile(0.5), stable.quantile(0.5)
        if slow >= usual * _SLOWER and slow - usual >= _SLOWER_SECONDS:
            return f"Half of its calls take over {slow / 2 * 1000:g} ms, against {usual * 1000:g} ms before."
    return ""


def chance(candidate: Window, stable: Window) -> float:
    """Probability of this many errors or more in the candidate, were both releases alike.

    Fisher's exact test, one-sided. A stable side that was never measured counts as one good
    call in a hundred tried, so that a candidate that only fails is still caught.
    """
    other_calls, other_errors = (stable.calls, stable.errors) if stable.calls else (100, 1)
    n, k, m, j = candidate.calls, candidate.errors, other_calls, other_errors
    total = _log_comb(n + m, k + j)
    tail = (exp(_log_comb(n, i) + _log_comb(m, k + j - i) - total) for i in range(k, min(n, k + j) + 1))
    # The first terms decide; the rest shrink and only cost time.
    return min(1.0, sum(islice(tail, 5000)))


def _log_comb(n: int, k: int) -> float:
    if not 0 <= k <= n:
        return -inf
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
