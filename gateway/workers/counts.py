"""Counters of many workers as one: none falls when a worker ends, and its calls stay counted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gateway.proxy.counters import CallMetrics, Counters
from gateway.proxy.limits.metrics import LimitMetrics
from gateway.registry.circuits import CircuitBoard
from gateway.workers.messages import Beat, Counted, Unserved

Counts = Mapping[str, float | tuple[float, ...]]
Key = tuple[str, str]

_NOW = "active"
"""The field that says how many calls run now: nothing of it stays when a worker has ended."""


def counts_of(counters: Counters) -> Counts:
    """Every field by its name."""
    fields = ((name, getattr(counters, name)) for name in Counters.__slots__)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields}


class Unsent:
    """A worker's side: what of its counters the control process has not been told yet."""

    def __init__(self, metrics: CallMetrics) -> None:
        self._metrics = metrics
        self._sent: dict[Key, Counts] = {}
        self._unserved = Unserved()

    def forget(self) -> None:
        """Whoever is told from now on knows nothing."""
        self._sent, self._unserved = {}, Unserved()

    def changed(self) -> Iterator[Counted | Unserved]:
        unserved = _unserved(self._metrics)
        if unserved != self._unserved:
            self._unserved = unserved
            yield unserved
        for key, counters in self._metrics.counters.items():
            counts = counts_of(counters)
            if self._sent.get(key) != counts:
                self._sent[key] = counts
                yield Counted(plugin=key[0], version=key[1], counts=counts)


class WorkerMetrics(Collector):
    """The control process's side, for a prometheus registry."""

    def __init__(self) -> None:
        self._of: dict[str, dict[Key, Counts]] = {}
        self._ended: dict[Key, Counts] = {}
        self._unserved: dict[str, Unserved] = {}
        self._unserved_ended = CallMetrics()
        self._beats: dict[str, Beat] = {}
        self.circuits = CircuitBoard()
        self.serving = 0
        self.started = 0
        self.lost = 0

    def take(self, worker: str, told: Counted | Unserved | Beat) -> None:
        if isinstance(told, Counted):
            self._of.setdefault(worker, {})[told.plugin, told.version] = told.counts
        elif isinstance(told, Unserved):
            self._unserved[worker] = told
        else:
            self._beats[worker] = told

    @property
    def free(self) -> int:
        """How many more calls all workers take together."""
        return sum(beat.free for beat in self._beats.values())

    @property
    def lag(self) -> float:
        """How late the latest worker is, in seconds."""
        return max((beat.lag for beat in self._beats.values()), default=0.0)

    @property
    def share(self) -> float:
        """The part of its calls that the busiest worker refuses."""
        return max((beat.share for beat in self._beats.values()), default=0.0)

    def ended(self, worker: str) -> None:
        """The worker is gone: what it had counted stays."""
        self._beats.pop(worker, None)
        _refuse(self._unserved_ended, self._unserved.pop(worker, Unserved()))
        for key, counts in self._of.pop(worker, {}).items():
            kept = {**counts, _NOW: 0}
            self._ended[key] = _sum(self._ended[key], kept) if key in self._ended else kept

    def collect(self) -> Iterator[Metric]:
        yield from self._whole().collect()
        yield from LimitMetrics(self, self, self.circuits).collect()
        yield GaugeMetricFamily("plugway_workers", "Workers that take calls", value=self.serving)
        yield CounterMetricFamily("plugway_worker_starts", "Workers that were started", value=self.started)
        yield CounterMetricFamily(
            "plugway_worker_losses", "Workers that ended without having been asked to", value=self.lost
        )

    def _whole(self) -> CallMetrics:
        whole: dict[Key, Counts] = dict(self._ended)
        for key, counts in itertools.chain.from_iterable(of.items() for of in tuple(self._of.values())):
            whole[key] = _sum(whole[key], counts) if key in whole else counts
        metrics = CallMetrics()
        for (plugin, version), counts in whole.items():
            counters = metrics.of(plugin, version)
            for name, value in counts.items():
                setattr(counters, name, list(value) if isinstance(value, tuple) else value)
        for unserved in (_unserved(self._unserved_ended), *tuple(self._unserved.values())):
            _refuse(metrics, unserved)
        return metrics


def _unserved(metrics: CallMetrics) -> Unserved:
    refused, retried = metrics.unserved
    return Unserved(refused=tuple((*key, times) for key, times in refused.items()), retried=dict(retried))


def _refuse(metrics: CallMetrics, unserved: Unserved) -> None:
    for plugin, reason, times in unserved.refused:
        metrics.refuse(plugin, reason, times)
    for plugin, times in unserved.retried.items():
        metrics.retry(plugin, times)


def _sum(one: Counts, other: Counts) -> Counts:
    return {name: _add(value, other[name]) for name, value in one.items()}


def _add(one: float | tuple[float, ...], other: float | tuple[float, ...]) -> float | tuple[float, ...]:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return tuple(a + b for a, b in zip(one, other, strict=True))
    assert not isinstance(one, tuple)
    assert not isinstance(other, tuple)
    return one + other
