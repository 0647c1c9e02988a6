"""The plugin's metrics as text: the author's registry and what the SDK counts by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from plugway_sdk.metrics import BOUNDS, CallStats


def _families(stats: CallStats, open_calls: int) -> Iterator[Metric]:
    calls = CounterMetricFamily(
        "plugway_plugin_calls", "HTTP calls answered; class 0xx: the client left first.", labels=["class"]
    )
    for number, count in enumerate(stats.classes):
        if count:
            calls.add_metric([f"{number}xx"], count)
    yield calls
    sums = list(accumulate(stats.buckets))
    buckets = [(str(bound), count) for bound, count in zip((*BOUNDS, "+Inf"), sums, strict=True)]
    yield HistogramMetricFamily(
        "plugway_plugin_call_seconds",
        "Time the app took for an HTTP call that is no event stream.",
        buckets=buckets,
        sum_value=stats.seconds,
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


def exposition(stats: CallStats, open_calls: int, registry: CollectorRegistry | None) -> tuple[str, bytes]:
    """Content type and OpenMetrics text; without a registry, of the default one."""
    together = _Together(_families(stats, open_calls), (registry or REGISTRY).collect())
    return CONTENT_TYPE_LATEST, generate_latest(together)  # type: ignore[no-untyped-call]  # untyped there
