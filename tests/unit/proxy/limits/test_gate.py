"""The quotas of one plugin, held against single calls."""

from __future__ import annotations

import pytest

from gateway.call_limits import Quotas, Rate, RouteQuota
from gateway.model import Caller
from gateway.proxy.limits.gate import Gate, Permit, TooManyCalls, caller_key

ONE = Rate(per_second=1.0, burst=1)


def admitted(
    gate: Gate, method: str = "GET", path: bytes = b"/x", who: str = "ann", now: float = 0.0
) -> Permit:
    found = gate.admit(method, path, who, now)
    assert isinstance(found, Permit)
    return found


def refused(gate: Gate, method: str = "GET", path: bytes = b"/x", who: str = "ann", now: float = 0.0) -> str:
    found = gate.admit(method, path, who, now)
    assert isinstance(found, TooManyCalls)
    assert found.status == 429
    return found.reason


def test_the_rate_of_all_of_each_user_and_of_a_route() -> None:
    for quotas, reason in (
        (Quotas(rate=ONE), "rate"),
        (Quotas(user_rate=ONE), "user-rate"),
        (Quotas(routes=(RouteQuota(path="/x", rate=ONE),)), "route-rate"),
    ):
        gate = Gate("notes", quotas)
        admitted(gate)
        assert refused(gate) == reason
        found = gate.admit("GET", b"/x", "ann", 0.25)
        assert isinstance(found, TooManyCalls)
        assert found.retry_after == pytest.approx(0.75)
        admitted(gate, now=1.0)
    gate = Gate("notes", Quotas(user_rate=ONE))
    admitted(gate, who="ann")
    admitted(gate, who="bob")


def test_what_is_refused_takes_from_no_bucket() -> None:
    gate = Gate("notes", Quotas(rate=Rate(per_second=1.0, burst=3), user_rate=ONE))
    admitted(gate, who="ann")
    for _ in range(10):
        assert refused(gate, who="ann") == "user-rate"
    admitted(gate, who="bob")
    admitted(gate, who="cid")
    assert refused(gate, who="dan") == "rate"


def test_calls_that_run_are_counted_until_they_end() -> None:
    gate = Gate("notes", Quotas(user_concurrent=2, routes=(RouteQuota(path="/slow", concurrent=1),)))
    slow = admitted(gate, path=b"/slow")
    assert refused(gate, path=b"/slow", who="bob") == "route-concurrency"
    other = admitted(gate)
    assert refused(gate) == "user-concurrency"
    admitted(gate, who="bob")
    slow.release()
    admitted(gate, path=b"/slow")
    other.release()


@pytest.mark.parametrize(
    "path", [b"/import", b"/import/", b"/import/csv", b"//import", b"/%69mport", b"/%69mport//csv"]
)
def test_no_spelling_leads_around_a_route(path: bytes) -> None:
    gate = Gate("notes", Quotas(routes=(RouteQuota(path="/import", methods=frozenset({"POST"}), rate=ONE),)))
    admitted(gate, "POST", b"/import")
    assert refused(gate, "POST", path) == "route-rate"
    admitted(gate, "GET", path)


def test_segments_in_braces_stand_for_any_and_borders_are_kept() -> None:
    gate = Gate("notes", Quotas(routes=(RouteQuota(path="/notes/{id}/file", rate=ONE),)))
    admitted(gate, path=b"/notes/1/file")
    assert refused(gate, path=b"/notes/2/file/big") == "route-rate"
    for other in (b"/notes/1", b"/notes/1/files", b"/other/1/file"):
        admitted(gate, path=other)


def test_the_first_route_counts_and_one_without_figures_lifts_the_rest() -> None:
    routes = (RouteQuota(path="/a/free"), RouteQuota(path="/a", rate=ONE))
    gate = Gate("notes", Quotas(routes=routes))
    for _ in range(5):
        admitted(gate, path=b"/a/free/x")
    admitted(gate, path=b"/a")
    refused(gate, path=b"/a")


def test_whose_bucket_it_is() -> None:
    assert caller_key(Caller(user="ann", role="viewer"), ("10.0.0.1", 1)) == "ann"
    anonymous = {caller_key(None, (address, 1)) for address in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9")}
    assert len(anonymous) == 1, "one network of IPv6 is one caller"
    assert caller_key(None, ("10.0.0.1", 1)) != caller_key(None, ("10.0.0.2", 1))
    assert caller_key(None, None) not in ("", "ann")
