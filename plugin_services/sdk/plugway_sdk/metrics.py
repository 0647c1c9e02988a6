"""The plugin's metrics: the author's registry and what the SDK counts by itself."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class CallStats:
    """Counts of calls. Plain integers, as every call pays for them; the loop's thread only."""

    def __init__(self) -> None:
        self._classes = [0] * 6
        self._buckets = [0] * (len(_BOUNDS) + 1)
        self._seconds = 0.0

    def observe(self, status: int, seconds: float) -> None:
        self._classes[status // 100 if 100 <= status < 600 else 0] += 1
        self._buckets[bisect_left(_BOUNDS, seconds)] += 1
        self._seconds += seconds

    def families(self, open_calls: int) -> Iterator[Metric]:
        calls = CounterMetricFamily(
            "plugway_plugin_calls", "HTTP calls answered; class 0xx: the client left first.", labels=["class"]
        )
        for number, count in enumerate(self._classes):
            if count:
                calls.add_metric([f"{number}xx"], count)
        yield calls
        sums = list(accumulate(self._buckets))
        buckets = [(str(bound), count) for bound, count in zip((*_BOUNDS, "+Inf"), sums, strict=True)]
        yield HistogramMetricFamily(
            "plugway_plugin_call_seconds",
            "Time the app took for an HTTP call that is no event stream.",
            buckets=buckets,
            sum_value=self._seconds,
        )
        yield GaugeMetricFamily(
            "plugway_plugin_open_calls", "HTTP calls and WebSockets open now.", value=open_calls
        )


class _Together:
    """What generate_latest wants of a registry, without registering anything globally."""

    def __init__(self, *parts: Iterable[Metric]) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        for part in self._parts:
            yield from part


def exposition(stats: CallStats, open_calls: int, registry: CollectorRegistry) -> tuple[str, bytes]:
    """Content type and OpenMetrics text."""
    together = _Together(stats.families(open_calls), registry.collect())
    return CONTENT_TYPE_LATEST, generate_latest(together)  # type: ignore[no-untyped-call]  # untyped there
