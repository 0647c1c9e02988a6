"""What was counted of each plugin at one moment. Pure."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client.registry import Collector


@dataclass(slots=True)
class Counts:
    """Sums since the gateway started; ``buckets`` are cumulative counts by their upper bound in seconds."""

    calls: float = 0.0
    errors: float = 0.0
    buckets: dict[float, float] = field(default_factory=dict)


class Counting(Collector):
    """Whoever counts calls, for a prometheus registry and for figures."""

    @abstractmethod
    def totals(self) -> Mapping[str, Counts]:
        """By plugin since the start, without those for files of its UI; may be asked in any thread."""


def quantile(now: Mapping[float, float], before: Mapping[float, float], share: float) -> float:
    """Seconds within which ``share`` of the calls between two moments were answered; 0 without calls.

    Interpolated inside the bucket that holds it, as Prometheus' histogram_quantile does; the last
    bucket, which has no upper bound, answers its lower one.
    """
    bounds = sorted(now)
    counts = [now[bound] - before.get(bound, 0.0) for bound in bounds]
    if not counts or counts[-1] <= 0:
        return 0.0
    wanted = share * counts[-1]
    at = min(bisect_left(counts, wanted), len(counts) - 1)
    lower, below = (bounds[at - 1], counts[at - 1]) if at else (0.0, 0.0)
    if bounds[at] == float("inf"):
        return lower
    return lower + (bounds[at] - lower) * (wanted - below) / (counts[at] - below)
