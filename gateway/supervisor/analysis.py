"""Whether a candidate does worse than the release it is to replace. Pure.

Small numbers are judged as small numbers: an error rate counts against a candidate only where
chance would hardly give it (one-sided Fisher test), latency only with enough calls on both
sides. Not being able to measure is not a failure, and gives no verdict.
"""

from __future__ import annotations

from itertools import islice
from math import exp, inf, lgamma

from gateway.windows import Window

_MIN_ERRORS = 3
_MIN_CALLS_FOR_LATENCY = 20
_CHANCE = 0.01
# Buckets double, so a factor under four could be one bucket's width on either side.
_SLOWER = 4.0
# A busy machine makes more of a difference than less than this to either side.
_SLOWER_SECONDS = 0.025


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
