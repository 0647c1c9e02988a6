"""Counts of calls, kept as plain integers: a call costs two additions and no lock.

The labels are bounded: plugins and versions that were installed, three classes of
methods, five of statuses.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

READ, WRITE, WEBSOCKET = 0, 1, 2
METHODS = ("read", "write", "websocket")
_METHOD_CLASS = {"GET": READ, "HEAD": READ, "OPTIONS": READ}
_STATUSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_KEPT = 4096


def method_class(method: str) -> int:
    return _METHOD_CLASS.get(method, WRITE)


class Counters:
    """The counts of one version of one plugin. Times in seconds until the answer began."""

    __slots__ = ("active", "buckets", "calls", "seconds")

    def __init__(self) -> None:
        self.calls = [0] * (len(METHODS) * len(_STATUSES))
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0
        self.active = 0

    def count(self, method: int, status: int, seconds: float) -> None:
        self.calls[method * 5 + status // 100 - 1] += 1
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


class CallMetrics(Collector):
    """All counters, for a prometheus registry."""

    def __init__(self) -> None:
        self._counters: dict[tuple[str, str], Counters] = {}
        self._refused: dict[tuple[str, str], int] = {}
        self._retried: dict[str, int] = {}

    def refuse(self, plugin: str, reason: str, times: int = 1) -> None:
        """A call that the gateway did not pass on; ``reason`` is one of its own few."""
        key = (plugin, reason)
        self._refused[key] = self._refused.get(key, 0) + times

    def retry(self, plugin: str, times: int = 1) -> None:
        """A call that was tried a second time."""
        self._retried[plugin] = self._retried.get(plugin, 0) + times

    @property
    def unserved(self) -> tuple[Mapping[tuple[str, str], int], Mapping[str, int]]:
        """Refused calls by plugin and reason, and those tried again by plugin."""
        return self._refused, self._retried

    def of(self, plugin: str, version: str) -> Counters:
        """The counters of one version; kept when it goes, as counters must not fall."""
        key = (plugin, version)
        found = self._counters.get(key)
        if found is None:
            if len(self._counters) >= _KEPT:
                key = ("other", "other")
            found = self._counters.setdefault(key, Counters())
        return found

    @property
    def counters(self) -> Mapping[tuple[str, str], Counters]:
        """All of them, by plugin and version."""
        return self._counters

    def collect(self) -> Iterator[Metric]:
        labels = ["plugin", "version"]
        calls = CounterMetricFamily(
            "plugway_calls", "Calls to plugins, by how they ended.", labels=[*labels, "method", "status"]
        )
        took = HistogramMetricFamily(
            "plugway_call_seconds", "Time until the answer of a plugin began.", labels=labels
        )
        active = GaugeMetricFamily("plugway_calls_active", "Calls that run now.", labels=labels)
        # As they are now: a scrape in a thread meets no table that grows under it.
        for (plugin, version), counters in tuple(self._counters.items()):
            active.add_metric([plugin, version], counters.active)
            for index, number in enumerate(counters.calls):
                if number:
                    names = [plugin, version, METHODS[index // 5], _STATUSES[index % 5]]
                    calls.add_metric(names, number)
            sums = accumulate(counters.buckets)
            bounds = [*map(str, BUCKETS), "+Inf"]
            took.add_metric([plugin, version], list(zip(bounds, sums, strict=True)), counters.seconds)
        yield calls
        yield took
        yield active
        yield from self._unserved()

    def _unserved(self) -> Iterator[Metric]:
        refused = CounterMetricFamily(
            "plugway_calls_refused",
            "Calls that the gateway did not pass on, by why: over a limit, or nobody there to take them.",
            labels=["plugin", "reason"],
        )
        for (plugin, reason), number in tuple(self._refused.items()):
            refused.add_metric([plugin, reason], number)
        retried = CounterMetricFamily(
            "plugway_calls_retried", "Calls that were tried a second time.", labels=["plugin"]
        )
        for plugin, number in tuple(self._retried.items()):
            retried.add_metric([plugin], number)
        yield refused
        yield retried
