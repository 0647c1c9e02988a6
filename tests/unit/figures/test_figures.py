from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.figures.counts import Counts, quantile
from gateway.figures.history import COARSE, FINE, STRIDE, History, Point, Ring
from gateway.figures.sampler import Sampler
from gateway.model import PluginState
from gateway.proxy.counters import READ, UI, WRITE, CallMetrics

HEALTHY, UNHEALTHY = PluginState.HEALTHY, PluginState.UNHEALTHY
INF = float("inf")


def test_counts_of_all_releases_and_routes_together_without_files() -> None:
    metrics = CallMetrics()
    metrics.of("notes", "1.0.0", "a").route("/x").count(READ, 200, 0.0005)
    metrics.of("notes", "2.0.0", "b").route("/y").count(WRITE, 503, 0.3)
    metrics.of("notes", "2.0.0", "b").route(UI).count(READ, 200, 0.3)
    metrics.of("redis", "1.0.0", "c").route("/x").count(READ, 404, 0.01)
    found = metrics.totals()
    assert (found["notes"].calls, found["notes"].errors) == (2, 1)
    assert (found["redis"].calls, found["redis"].errors) == (1, 0)
    assert found["notes"].buckets[0.001] == 1
    assert found["notes"].buckets[INF] == 2


def test_quantiles_lie_in_the_bucket_of_their_call() -> None:
    now = {0.1: 50.0, 0.2: 100.0, INF: 100.0}
    assert quantile(now, {}, 0.5) == pytest.approx(0.1)
    assert quantile(now, {}, 0.75) == pytest.approx(0.15)
    # Only what came since counts; what is beyond the last bound is told as that bound.
    assert quantile({0.1: 50.0, 0.2: 50.0, INF: 60.0}, {0.1: 50.0, 0.2: 50.0, INF: 50.0}, 0.99) == 0.2
    assert quantile(now, now, 0.99) == 0.0
    assert quantile({}, {}, 0.5) == 0.0


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.floats(0.01, 1.0))
def test_no_quantile_leaves_the_bounds(counts: list[int], share: float) -> None:
    sums, total = {}, 0
    for number, count in enumerate(counts, 1):
        total += count
        sums[number / 10] = float(total)
    sums[INF] = float(total)
    assert 0.0 <= quantile(sums, {}, share) <= len(counts) / 10


@given(st.integers(1, 7), st.integers(0, 30))
def test_a_ring_keeps_the_newest(size: int, number: int) -> None:
    ring = Ring(size)
    for at in range(number):
        ring.add(Point(float(at), 1.0, 0.0, 0.0, 0.0, HEALTHY))
    assert [point.at for point in ring.points()] == list(range(max(0, number - size), number))


def test_an_hour_closely_and_a_day_in_steps() -> None:
    history, calls = History(), 0.0
    for look in range(FINE + STRIDE * 3 + 1):
        calls += 2
        state = UNHEALTHY if look == FINE + 40 else HEALTHY
        history.add(look * 10.0, {"notes": Counts(calls, calls / 2)}, {"notes": state})
    fine, coarse = history.fine("notes"), history.coarse("notes")
    assert len(fine) == FINE
    assert {(point.calls, point.errors) for point in fine} == {(2, 1)}
    assert {point.calls for point in coarse} == {2 * STRIDE}
    assert [point.state for point in coarse].count(UNHEALTHY) == 1
    assert [b.at - a.at for a, b in pairwise(coarse)] == [10.0 * STRIDE] * (len(coarse) - 1)
    assert len(coarse) < COARSE


def test_counters_that_begin_anew_are_no_negative_rate() -> None:
    history = History()
    for calls in (100.0, 110.0, 4.0):
        history.add(0.0, {"notes": Counts(calls)}, {"notes": HEALTHY})
    assert [point.calls for point in history.fine("notes")] == [10, 4]


def test_what_is_uninstalled_is_forgotten_and_what_is_unknown_has_none() -> None:
    history = History()
    for _ in range(2):
        history.add(0.0, {}, {"notes": HEALTHY})
    assert [point.calls for point in history.fine("notes")] == [0]
    history.add(0.0, {}, {})
    assert history.fine("notes") == history.coarse("notes") == []


async def test_the_sampler_reads_what_is_counted() -> None:
    metrics, history = CallMetrics(), History()
    sampler = Sampler(history, metrics.totals, lambda: {"notes": HEALTHY}, step=60)
    await sampler.look()
    metrics.of("notes", "1", "a").route("/").count(READ, 200, 0.004)
    await sampler.look()
    (point,) = history.fine("notes")
    assert (point.calls, point.errors, point.state) == (1, 0, HEALTHY)
    assert 0.0025 <= point.p99 <= 0.005
