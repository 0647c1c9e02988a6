from __future__ import annotations

from prometheus_client import CollectorRegistry

from gateway.proxy.counters import MOST_ROUTES, PAST_RELEASES, READ, CallMetrics
from gateway.proxy.templates import OTHER


def series(metrics: CallMetrics) -> int:
    return sum(len(family.samples) for family in metrics.collect())


def test_routes_beyond_the_most_count_as_other() -> None:
    metrics = CallMetrics()
    counts = metrics.of("evil", "1", "r1")
    for number in range(10 * MOST_ROUTES):
        counts.route(f"/svc.S/M{number}").count(READ, 200, 0.1)
    assert len(counts.routes) == MOST_ROUTES + 1
    assert counts.routes[OTHER].calls[1] == 9 * MOST_ROUTES
    assert metrics.totals()["evil"].calls == 10 * MOST_ROUTES


def test_rollouts_add_no_series_without_end_and_lose_no_call() -> None:
    metrics, registry = CallMetrics(), CollectorRegistry()
    registry.register(metrics)
    most = 0
    for number in range(50):
        metrics.keep("notes", frozenset({f"r{number}"}))
        counts = metrics.of("notes", f"{number}.0.0", f"r{number}")
        counts.route("/x").count(READ, 200, 0.1)
        most = max(most, series(metrics))
    assert len(metrics.releases) == PAST_RELEASES + 1
    assert most == series(metrics)
    assert metrics.totals()["notes"].calls == 50


def test_a_release_whose_calls_still_run_stays() -> None:
    metrics = CallMetrics()
    metrics.of("notes", "0", "old").active = 1
    for number in range(9):
        metrics.of("notes", f"{number}", f"r{number}")
        metrics.keep("notes", frozenset({f"r{number}"}))
    assert ("notes", "0", "old") in metrics.releases
