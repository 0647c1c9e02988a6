"""What the gateway's metrics say of each plugin at one moment. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.metrics_core import Metric

CALLS, SECONDS = "plugway_calls_total", "plugway_call_seconds_bucket"


@dataclass(slots=True)
class Counts:
    """Sums since the gateway started; ``buckets`` are cumulative counts by their upper bound in seconds."""

    calls: float = 0.0
    errors: float = 0.0
    buckets: dict[float, float] = field(default_factory=dict)


def read_counts(families: Iterable[Metric]) -> dict[str, Counts]:
    """By plugin, all of its versions together; answers of 5xx are errors."""
    found: dict[str, Counts] = {}
    for family in families:
        for sample in family.samples:
            if sample.name not in (CALLS, SECONDS):
                continue
            counts = found.setdefault(sample.labels["plugin"], Counts())
            if sample.name == CALLS:
                counts.calls += sample.value
                if sample.labels["status"] == "5xx":
                    counts.errors += sample.value
            else:
                bound = float(sample.labels["le"])
                counts.buckets[bound] = counts.buckets.get(bound, 0.0) + sample.value
    return found


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
