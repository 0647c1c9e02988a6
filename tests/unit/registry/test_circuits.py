from __future__ import annotations

from dataclasses import replace

from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from gateway.model import InstanceId, PluginId
from gateway.registry.circuits import CircuitBoard, CircuitReport
from gateway.workers.counts import WorkerMetrics

NOTES, ONE = PluginId("notes"), InstanceId("notes-1")
HELD = CircuitReport(plugin=NOTES, instance=ONE, incarnation="1", state="held", reason="lost", times=1)
OPEN = replace(HELD, state="open", until=9.0)
CLOSED = replace(HELD, state="closed")


def test_of_several_processes_the_worst_counts_and_each_change_is_told_once() -> None:
    board, told = CircuitBoard(), []
    board.on_report(lambda report: told.append(report.state))
    for report, process in ((HELD, "a"), (HELD, "b"), (OPEN, "b"), (CLOSED, "b"), (CLOSED, "a")):
        board.report(report, process)
    assert told == ["held", "open", "held", "closed"]
    assert board.of(ONE) is None
    assert board.all() == []


def test_what_is_said_again_is_no_news() -> None:
    board, told = CircuitBoard(), list[CircuitReport]()
    board.on_report(told.append)
    for _ in range(3):
        board.report(OPEN, "a")
    board.report(replace(OPEN, until=20.0, times=2), "a")
    assert board.ejections == {NOTES: 2}
    assert len(told) == 1


def test_no_series_comes_twice_where_two_processes_speak_of_one_instance() -> None:
    metrics, registry = WorkerMetrics(), CollectorRegistry()
    metrics.circuits.report(HELD, "a")
    metrics.circuits.report(OPEN, "b")
    registry.register(metrics)
    families = text_string_to_metric_families(generate_latest(registry).decode())  # type: ignore[no-untyped-call]
    samples = [sample for family in families for sample in family.samples if "circuit" in sample.name]
    keys = [tuple(sorted(sample.labels.items())) for sample in samples]
    assert len(keys) == len(set(keys)) == 3
