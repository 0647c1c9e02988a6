"""When calls are refused as the gateway cannot keep up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.model import PluginId
from gateway.proxy.counters import CallMetrics
from gateway.proxy.limits.overload import Capacity, LagJudge
from gateway.proxy.table import RouteTable
from gateway.proxy.upstream import Upstream
from gateway.routing import Snapshot
from tests.fakes.data_plane import endpoint, route


def run(judge: LagJudge, now: float, seconds: float, lag: float) -> float:
    end = now + seconds
    while now < end:
        now += 0.05 + lag
        judge.observe(lag, now)
    return now


def test_lasting_lag_sheds_more_and_more_and_stops_after_it() -> None:
    judge = LagJudge(0.5, 0.0)
    now = run(judge, 0.0, 20.0, lag=0.6)
    assert judge.share == 0.9, "never everything: nobody would learn that it is over"
    now = run(judge, now, 60.0, lag=0.0)
    assert judge.share == 0.0


def test_one_long_step_is_no_overload() -> None:
    judge, now = LagJudge(0.5, 0.0), 0.0
    for _ in range(20):
        now += 4.0
        judge.observe(4.0, now)
        now = run(judge, now, 1.0, lag=0.0)
        assert judge.share == 0.0


@given(lags=st.lists(st.floats(0, 0.5), max_size=200))
def test_nothing_is_shed_below_the_target(lags: list[float]) -> None:
    judge, now = LagJudge(0.5, 0.0), 0.0
    for lag in lags:
        now += 0.05 + lag
        judge.observe(lag, now)
        assert judge.share == 0.0


@given(hogs=st.integers(1, 12), most=st.integers(20, 400))
def test_hogs_leave_room_for_the_next_plugin(hogs: int, most: int) -> None:
    """Each takes all that it gets and gives nothing back."""
    capacity = Capacity(most)
    table = RouteTable(CallMetrics(), Upstream.retire, capacity)
    names = [f"p{number}" for number in range(hogs + 1)]
    routes = {PluginId(name): route(endpoint(f"unix:/{name}", name), plugin=name) for name in names}
    table.update(Snapshot(routes=routes))
    taking = [table.routes[name.encode()] for name in names[:-1]]
    while any(hog.refusal(b"") is None for hog in taking):
        for hog in taking:
            if hog.refusal(b"") is None:
                hog.active[0] += 1
                capacity.free -= 1
    assert capacity.free >= most // (hogs + 1)
    assert table.routes[names[-1].encode()].refusal(b"") is None
    problem = taking[0].refusal(b"")
    assert problem is not None
    assert (problem.status, problem.reason) == (503, "crowded")
    assert dict(problem.headers)[b"retry-after"] == b"1"
