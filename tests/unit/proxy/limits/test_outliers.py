"""Which instance takes a call while others are out."""

from __future__ import annotations

import time
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gateway.model import PluginId
from gateway.proxy.counters import CallMetrics
from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.limits.circuit import FAILURES
from gateway.proxy.limits.outliers import Outliers
from gateway.proxy.prepared import PreparedTarget
from gateway.proxy.table import RouteTable
from gateway.proxy.upstream import Upstream
from gateway.registry.boards import OutcomeBoard
from gateway.registry.circuits import CircuitBoard
from gateway.routing import Snapshot
from tests.fakes.data_plane import endpoint, route

LOST = CallFailed(Failure.LOST, "went away")


class Kit:
    def __init__(self, instances: int) -> None:
        self.board, self.outcomes = CircuitBoard(), OutcomeBoard()
        self.outliers = Outliers(self.outcomes, self.board)
        self.retired: list[Upstream] = []
        self.table = RouteTable(CallMetrics(), self.retired.append)
        self.base = route(*(endpoint(f"unix:/{n}", f"i{n}") for n in range(instances)))
        self.publish(instances)

    def publish(self, instances: int) -> None:
        (target,) = self.base.targets
        some = replace(self.base, targets=(replace(target, endpoints=target.endpoints[:instances]),))
        self.table.update(Snapshot(routes={PluginId("notes"): some}))

    @property
    def target(self) -> PreparedTarget:
        found = self.table.routes[b"notes"].first
        assert found is not None
        return found

    def fail(self, upstream: Upstream, times: int = FAILURES) -> None:
        for _ in range(times):
            self.outliers.failed(self.target, upstream, time.perf_counter(), LOST)

    def out(self) -> int:
        return sum(one.circuit is not None and one.circuit.out for one in self.target.upstreams)


@given(instances=st.integers(1, 5), calls=st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=150))
def test_the_last_is_never_out_whatever_fails(instances: int, calls: list[tuple[int, bool]]) -> None:
    kit = Kit(instances)
    for number, good in calls:
        upstream = kit.target.upstreams[number % instances]
        if good:
            kit.outliers.ok(kit.target, upstream, time.perf_counter())
        else:
            kit.fail(upstream, 1)
        assert kit.out() < instances
        chosen = kit.target.least_busy()
        assert chosen.circuit is None or not chosen.circuit.out


def test_who_is_out_gets_no_calls_and_is_told_of() -> None:
    kit = Kit(3)
    flapping = kit.target.upstreams[1]
    kit.fail(flapping)
    flapping.active = -100  # The least busy by far.
    assert all(kit.target.least_busy() is not flapping for _ in range(20))
    found = kit.table.routes[b"notes"].elsewhere(kit.target.upstreams[0], b"")
    assert found is not None
    assert found[1] is kit.target.upstreams[2]
    report = kit.board.of(flapping.instance_id)
    assert report is not None
    assert report.state_at(time.time()) == "open"
    assert "went away" in report.words_at(time.time())
    assert kit.board.ejections == {"notes": 1}


def test_it_gets_one_call_when_its_time_is_over_and_comes_back_by_it() -> None:
    kit = Kit(2)
    flapping = kit.target.upstreams[0]
    kit.fail(flapping)
    assert flapping.circuit is not None
    flapping.circuit._until = flapping.circuit._next_probe = time.perf_counter()
    chosen = [kit.target.least_busy() for _ in range(10)]
    assert chosen.count(flapping) == 1
    kit.outliers.ok(kit.target, flapping, time.perf_counter())
    assert kit.board.all() == []
    assert flapping in {kit.target.least_busy() for _ in range(3)}


def test_the_only_one_is_held_and_the_words_say_why() -> None:
    kit = Kit(1)
    only = kit.target.upstreams[0]
    kit.fail(only, 20)
    assert kit.out() == 0
    report = kit.board.of(only.instance_id)
    assert report is not None
    assert report.state == "held"
    assert "no other instance" in report.words_at(time.time())
    kit.outliers.ok(kit.target, only, time.perf_counter())
    assert kit.board.of(only.instance_id) is None
    assert only.circuit is None, "so that the next calls pay nothing"


def test_where_all_that_are_left_are_out_they_are_used_all_the_same() -> None:
    kit = Kit(2)
    first, _ = kit.target.upstreams
    kit.fail(first)
    kit.publish(1)
    assert kit.target.least_busy() is first


def test_a_draining_instance_refuses_by_right() -> None:
    kit = Kit(2)
    leaving = kit.target.upstreams[0]
    for _ in range(20):
        kit.outliers.failed(kit.target, leaving, time.perf_counter(), CallFailed(Failure.REFUSED, "drains"))
    assert kit.out() == 0
    assert kit.outcomes.failures(leaving.instance_id)[0] == 20, "the supervisor hears of it all the same"


def test_several_processes_and_the_worst_counts() -> None:
    kit = Kit(2)
    kit.fail(kit.target.upstreams[0])
    (report,) = kit.board.all()
    kit.board.report(replace(report, state="held"), process="worker-2")
    found = kit.board.of(report.instance)
    assert found is not None
    assert found.state == "open"
    kit.board.report(replace(report, state="closed"))
    found = kit.board.of(report.instance)
    assert found is not None
    assert found.state == "held"
    kit.board.forget(report.instance, report.incarnation, "worker-2")
    assert kit.board.of(report.instance) is None
