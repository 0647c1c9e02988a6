"""Counters of many workers as one: none falls when a worker ends, and its calls stay counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from gateway.figures.counts import Counting, Counts
from gateway.proxy.counters import CallMetrics, Counters, Key, ReleaseCounts
from gateway.proxy.limits.metrics import LimitMetrics
from gateway.registry.circuits import CircuitBoard
from gateway.workers.messages import Beat, Counted, RouteCounts, Uncounted, Unserved


class Unsent:
    """A worker's side: what of its counters the control process has not been told yet."""

    def __init__(self, metrics: CallMetrics) -> None:
        self._metrics = metrics
        self._sent: dict[Key, tuple[int, dict[str, int]]] = {}
        self._unserved = Unserved()

    def forget(self) -> None:
        """Whoever is told from now on knows nothing."""
        self._sent, self._unserved = {}, Unserved()

    def changed(self) -> Iterator[Counted | Uncounted | Unserved]:
        unserved = _unserved(self._metrics)
        if unserved != self._unserved:
            self._unserved = unserved
            yield unserved
        for plugin, version, release in self._sent.keys() - self._metrics.releases.keys():
            del self._sent[plugin, version, release]
            yield Uncounted(plugin=plugin, version=version, release=release)
        for key, counts in self._metrics.releases.items():
            active, calls = self._sent.setdefault(key, (-1, {}))
            routes = {
                name: found for name, found in counts.routes.items() if calls.get(name) != sum(found.calls)
            }
            if routes or counts.active != active:
                calls.update((name, sum(found.calls)) for name, found in routes.items())
                self._sent[key] = counts.active, calls
                yield _counted(key, counts.active, routes)


def _counted(key: Key, active: int, routes: Mapping[str, Counters]) -> Counted:
    told = {
        name: RouteCounts(calls=tuple(found.calls), buckets=tuple(found.buckets), seconds=found.seconds)
        for name, found in routes.items()
    }
    return Counted(plugin=key[0], version=key[1], release=key[2], active=active, routes=told)


def _take(counts: ReleaseCounts, told: Counted) -> None:
    counts.active = told.active
    for name, route in told.routes.items():
        counters = counts.route(name)
        counters.calls, counters.buckets = list(route.calls), list(route.buckets)
        counters.seconds = route.seconds


class WorkerMetrics(Counting):
    """The control process's side, for a prometheus registry."""

    def __init__(self) -> None:
        self._of: dict[str, CallMetrics] = {}
        self._unserved: dict[str, Unserved] = {}
        self._ended = CallMetrics()
        self._beats: dict[str, Beat] = {}
        self._cpu_ended = 0.0
        self.circuits = CircuitBoard()
        self.serving = 0
        self.started = 0
        self.lost = 0

    def take(self, worker: str, told: Counted | Uncounted | Unserved | Beat) -> None:
        metrics = self._of.setdefault(worker, CallMetrics())
        match told:
            case Counted():
                _take(metrics.of(told.plugin, told.version, told.release), told)
            case Uncounted():
                for one in (metrics, self._ended):
                    one.drop((told.plugin, told.version, told.release))
            case Unserved():
                self._unserved[worker] = told
            case Beat():
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
        if (last := self._beats.pop(worker, None)) is not None:
            self._cpu_ended += last.cpu
        _refuse(self._ended, self._unserved.pop(worker, Unserved()))
        if (metrics := self._of.pop(worker, None)) is not None:
            self._ended.absorb(metrics, active=False)

    def totals(self) -> Mapping[str, Counts]:
        return self._whole().totals()

    def collect(self) -> Iterator[Metric]:
        yield from self._whole().collect()
        yield from LimitMetrics(self, self, self.circuits).collect()
        beats = tuple(self._beats.values())
        cpu, memory = self._cpu_ended + sum(beat.cpu for beat in beats), sum(beat.memory for beat in beats)
        yield CounterMetricFamily(
            "plugway_workers_cpu_seconds", "Processor's time of all workers, ended ones too", value=cpu
        )
        yield GaugeMetricFamily(
            "plugway_workers_resident_memory_bytes", "Memory of all workers", value=memory
        )
        yield GaugeMetricFamily("plugway_workers", "Workers that take calls", value=self.serving)
        yield CounterMetricFamily("plugway_worker_starts", "Workers that were started", value=self.started)
        yield CounterMetricFamily(
            "plugway_worker_losses", "Workers that ended without having been asked to", value=self.lost
        )

    def _whole(self) -> CallMetrics:
        whole = CallMetrics()
        for metrics in (self._ended, *tuple(self._of.values())):
            whole.absorb(metrics)
        for unserved in tuple(self._unserved.values()):
            _refuse(whole, unserved)
        return whole


def _unserved(metrics: CallMetrics) -> Unserved:
    refused, retried = metrics.unserved
    return Unserved(refused=tuple((*key, times) for key, times in refused.items()), retried=dict(retried))


def _refuse(metrics: CallMetrics, unserved: Unserved) -> None:
    for plugin, reason, times in unserved.refused:
        metrics.refuse(plugin, reason, times)
    for plugin, times in unserved.retried.items():
        metrics.retry(plugin, times)
