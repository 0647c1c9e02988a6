"""Counts of calls, kept as plain integers: a call costs two additions and no lock.

The labels are bounded: releases that were installed, templates that they declare, three classes
of methods, six of statuses.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from gateway.figures.counts import Counting, Counts
from gateway.proxy.templates import OTHER

READ, WRITE, WEBSOCKET = 0, 1, 2
METHODS = ("read", "write", "websocket")
_METHOD_CLASS = {"GET": READ, "HEAD": READ, "OPTIONS": READ}
STATUSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "not-configured")
"""By hundreds; what a plugin without settings answers is no error, see :mod:`gateway.proxy.unconfigured`."""
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

UI = "ui"
"""The route of a plugin's UI files, which come from the gateway's store."""

MOST_ROUTES = 128
"""Routes of one release that are counted by themselves: templates, typed methods, the UI."""

PAST_RELEASES = 3
"""Releases of a plugin that still have series though they take no calls any more."""

_MOST_RELEASES = 4096

Key = tuple[str, str, str]
"""Plugin, version and release."""


def method_class(method: str) -> int:
    return _METHOD_CLASS.get(method, WRITE)


class Counters:
    """The counts of one route of one release. Times in seconds until the answer began."""

    __slots__ = ("buckets", "calls", "seconds")

    def __init__(self) -> None:
        self.calls = [0] * (len(METHODS) * len(STATUSES))
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0

    def count(self, method: int, status: int, seconds: float) -> None:
        self.calls[method * 6 + status // 100 - 1] += 1
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds

    def add(self, other: Counters) -> None:
        self.calls = [a + b for a, b in zip(self.calls, other.calls, strict=True)]
        self.buckets = [a + b for a, b in zip(self.buckets, other.buckets, strict=True)]
        self.seconds += other.seconds


class ReleaseCounts:
    """The counts of one release by route; ``active`` counts its running calls."""

    __slots__ = ("active", "routes")

    def __init__(self) -> None:
        self.active = 0
        self.routes: dict[str, Counters] = {}

    def route(self, name: str) -> Counters:
        """Those of a template, a typed method or UI; of OTHER where there are too many."""
        found = self.routes.get(name)
        if found is None:
            if len(self.routes) >= MOST_ROUTES:
                name = OTHER
            found = self.routes.setdefault(name, Counters())
        return found

    def add(self, other: ReleaseCounts) -> None:
        self.active += other.active
        for name, counters in tuple(other.routes.items()):
            self.route(name).add(counters)


class CallMetrics(Counting):
    """All counts, for a prometheus registry."""

    def __init__(self) -> None:
        self._releases: dict[Key, ReleaseCounts] = {}
        # The keys of each plugin, the oldest first: a table of 1,000 asks for them 1,000 times.
        self._keys: dict[str, dict[Key, None]] = {}
        self._past: dict[str, Counters] = {}
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

    def of(self, plugin: str, version: str, release: str) -> ReleaseCounts:
        """The counts of one release."""
        key = (plugin, version, release)
        found = self._releases.get(key)
        if found is None:
            if len(self._releases) >= _MOST_RELEASES:
                key = (OTHER, OTHER, OTHER)
            found = self._releases.setdefault(key, ReleaseCounts())
            self._keys.setdefault(key[0], {})[key] = None
        return found

    @property
    def releases(self) -> Mapping[Key, ReleaseCounts]:
        return self._releases

    def keep(self, plugin: str, releases: frozenset[str]) -> None:
        """These take calls; of the plugin's others only the latest stay, so that rollouts add no series."""
        past = [key for key in self._keys.get(plugin, ()) if key[2] not in releases]
        idle = [key for key in past if not self._releases[key].active]
        for key in idle[: max(0, len(past) - PAST_RELEASES)]:
            self.drop(key)

    def drop(self, key: Key) -> None:
        """Its series end; its calls stay in :meth:`totals`."""
        gone = self._releases.pop(key, None)
        if gone is not None:
            _count_past(self._past, key[0], gone)
            del self._keys[key[0]][key]
            if not self._keys[key[0]]:
                del self._keys[key[0]]

    def absorb(self, other: CallMetrics, *, active: bool = True) -> None:
        """Add all that another one counted; without ``active``, none of its calls runs any more."""
        for (plugin, version, release), counts in tuple(other._releases.items()):
            mine = self.of(plugin, version, release)
            mine.add(counts)
            if not active:
                mine.active -= counts.active
        for plugin, counters in tuple(other._past.items()):
            self._past.setdefault(plugin, Counters()).add(counters)
        for (plugin, reason), times in tuple(other._refused.items()):
            self.refuse(plugin, reason, times)
        for plugin, times in tuple(other._retried.items()):
            self.retry(plugin, times)

    def totals(self) -> dict[str, Counts]:
        """Calls of each plugin since the start, without those for files of its UI; none ever falls."""
        sums = {plugin: _copy(counters) for plugin, counters in tuple(self._past.items())}
        for (plugin, _, _), counts in tuple(self._releases.items()):
            _count_past(sums, plugin, counts)
        return {plugin: _figures(counters) for plugin, counters in sums.items()}

    def collect(self) -> Iterator[Metric]:
        labels = ["plugin", "version", "release"]
        calls = CounterMetricFamily(
            "plugway_calls",
            "Calls to plugins, by how they ended.",
            labels=[*labels, "route", "method", "status"],
        )
        took = HistogramMetricFamily(
            "plugway_call_seconds", "Time until the answer of a plugin began.", labels=[*labels, "route"]
        )
        active = GaugeMetricFamily("plugway_calls_active", "Calls that run now.", labels=labels)
        bounds = [*map(str, BUCKETS), "+Inf"]
        # As they are now: a scrape in a thread meets no table that grows under it.
        for key, counts in tuple(self._releases.items()):
            active.add_metric(key, counts.active)
            for route, counters in tuple(counts.routes.items()):
                for index, number in enumerate(counters.calls):
                    if number:
                        calls.add_metric([*key, route, METHODS[index // 6], STATUSES[index % 6]], number)
                sums = accumulate(counters.buckets)
                took.add_metric([*key, route], list(zip(bounds, sums, strict=True)), counters.seconds)
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


def _count_past(sums: dict[str, Counters], plugin: str, counts: ReleaseCounts) -> None:
    whole = sums.setdefault(plugin, Counters())
    for route, counters in tuple(counts.routes.items()):
        if route != UI:
            whole.add(counters)


def _copy(counters: Counters) -> Counters:
    copy = Counters()
    copy.add(counters)
    return copy


def _figures(counters: Counters) -> Counts:
    bounds = (*BUCKETS, float("inf"))
    buckets = dict(zip(bounds, map(float, accumulate(counters.buckets)), strict=True))
    errors = sum(counters.calls[4::6])
    return Counts(calls=float(sum(counters.calls)), errors=float(errors), buckets=buckets)
