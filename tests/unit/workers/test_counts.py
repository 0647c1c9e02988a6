from __future__ import annotations

from prometheus_client import CollectorRegistry

from gateway.proxy.counters import READ, WRITE, CallMetrics
from gateway.workers.counts import Unsent, WorkerMetrics

NOTES = {"plugin": "notes", "version": "1", "release": "a"}
ROUTE = {**NOTES, "route": "/x"}
GOOD_READS = {**ROUTE, "method": "read", "status": "2xx"}


class Worker:
    def __init__(self, name: str, into: WorkerMetrics) -> None:
        self.name, self.into, self.metrics = name, into, CallMetrics()
        self.unsent = Unsent(self.metrics)

    def call(self, method: int = READ, status: int = 200) -> None:
        self.metrics.of("notes", "1", "a").route("/x").count(method, status, 0.002)

    def report(self) -> int:
        told = list(self.unsent.changed())
        for counted in told:
            self.into.take(self.name, counted)
        return len(told)


def test_counts_of_all_workers_are_one_sum() -> None:
    whole, registry = WorkerMetrics(), CollectorRegistry()
    registry.register(whole)
    one, two = Worker("w1", whole), Worker("w2", whole)
    for _ in range(3):
        one.call()
    two.call()
    two.call(WRITE, 503)
    one.report()
    two.report()
    assert registry.get_sample_value("plugway_calls_total", GOOD_READS) == 4
    failed = {**ROUTE, "method": "write", "status": "5xx"}
    assert registry.get_sample_value("plugway_calls_total", failed) == 1
    assert registry.get_sample_value("plugway_call_seconds_count", ROUTE) == 5


def test_a_worker_that_ends_takes_nothing_with_it_but_its_running_calls() -> None:
    whole, registry = WorkerMetrics(), CollectorRegistry()
    registry.register(whole)
    for name in ("w1", "w2", "w3"):
        worker = Worker(name, whole)
        worker.call()
        worker.metrics.of("notes", "1", "a").active = 2
        worker.report()
        whole.ended(name)
    whole.ended("never there")
    assert registry.get_sample_value("plugway_calls_total", GOOD_READS) == 3
    assert registry.get_sample_value("plugway_calls_active", NOTES) == 0


def test_only_what_changed_is_told_until_someone_new_listens() -> None:
    worker = Worker("w1", WorkerMetrics())
    worker.call()
    worker.metrics.of("other", "1", "b")
    assert worker.report() == 2
    assert worker.report() == 0
    worker.call()
    assert worker.report() == 1
    worker.unsent.forget()
    assert worker.report() == 2


def test_a_release_that_ends_takes_its_series_along_but_not_its_calls() -> None:
    whole, registry = WorkerMetrics(), CollectorRegistry()
    registry.register(whole)
    one, two = Worker("w1", whole), Worker("w2", whole)
    for worker in (one, two):
        worker.call()
        worker.report()
    whole.ended("w2")
    one.metrics.drop(("notes", "1", "a"))
    one.metrics.of("notes", "2", "b").route("/x").count(READ, 200, 0.002)
    one.report()
    assert registry.get_sample_value("plugway_calls_total", GOOD_READS) is None
    assert whole.totals()["notes"].calls == 3
