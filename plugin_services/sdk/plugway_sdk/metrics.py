"""What the SDK counts by itself."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the buckets, in seconds; the last bucket has none."""


class CallStats:
    """Counts of calls. Plain integers, as every call pays for them; the loop's thread only.

    ``classes`` by the hundred of the status (0: the client left first), ``buckets`` by time.
    """

    def __init__(self) -> None:
        self.classes = [0] * 6
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def observe(self, status: int, seconds: float) -> None:
        self.classes[status // 100 if 100 <= status < 600 else 0] += 1
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds
