from __future__ import annotations

from dataclasses import replace

from gateway.call_limits import Limits
from gateway.model import PluginId, PluginState, ReleaseId
from gateway.proxy.counters import CallMetrics
from gateway.proxy.table import RouteTable
from gateway.proxy.upstream import Upstream
from gateway.routing import Personal, Preview, Route, Snapshot
from tests.fakes.data_plane import endpoint, route


class Kit:
    def __init__(self) -> None:
        self.retired: list[Upstream] = []
        self.table = RouteTable(CallMetrics(), self.retired.append)

    def publish(self, *routes: Route) -> None:
        self.table.update(Snapshot(routes={PluginId(route.plugin_id): route for route in routes}))


def test_unchanged_routes_and_their_connections_are_kept() -> None:
    kit = Kit()
    kit.publish(route(endpoint("unix:/a")), route(endpoint("unix:/b", "two"), plugin="other"))
    before, upstream = kit.table.routes[b"notes"], kit.table.upstreams()[0]
    kit.publish(route(endpoint("unix:/a")), route(endpoint("unix:/c", "two"), plugin="other"))
    assert kit.table.routes[b"notes"] is before
    assert upstream in kit.table.upstreams()
    assert [gone.endpoint.address for gone in kit.retired] == ["unix:/b"]


def test_a_new_incarnation_gets_a_new_connection() -> None:
    kit = Kit()
    kit.publish(route(endpoint("unix:/a", incarnation="1")))
    kit.publish(route(endpoint("unix:/a", incarnation="2")))
    assert len(kit.retired) == len(kit.table.upstreams()) == 1


def test_running_calls_are_counted_over_snapshots() -> None:
    kit = Kit()
    kit.publish(route(endpoint("unix:/a")))
    kit.table.routes[b"notes"].active[0] += 1
    kit.publish(route(endpoint("unix:/a"), limits=Limits(timeout=1.0)))
    assert kit.table.routes[b"notes"].active == [1]


def test_weights_share_the_calls_and_a_release_can_be_asked_for() -> None:
    kit = Kit()
    base = route(endpoint("unix:/a"))
    second = route(endpoint("unix:/b", "two")).targets[0]
    targets = (
        replace(base.targets[0], weight=20),
        replace(second, release_id=ReleaseId("r2"), weight=80),
        replace(second, release_id=ReleaseId("r3"), weight=0, endpoints=()),
    )
    kit.publish(replace(base, targets=targets))
    prepared = kit.table.routes[b"notes"]
    chosen = [prepared.choose(b"", []) for _ in range(1000)]
    share = sum(target is not None and target.release == b"r2" for target in chosen) / 1000
    assert 0.7 < share < 0.9
    for asked, got in ((b"r1", b"r1"), (b"r2", b"r2")):
        target = prepared.choose(asked, [])
        assert target is not None
        assert target.release == got
    assert {target.release for target in chosen if target is not None} == {b"r1", b"r2"}


def test_a_page_never_meets_another_release() -> None:
    kit = Kit()
    base = route(endpoint("unix:/a"))
    away = replace(base.targets[0], release_id=ReleaseId("r2"), endpoints=())
    kit.publish(replace(base, targets=(base.targets[0], away)))
    prepared = kit.table.routes[b"notes"]
    assert prepared.refusal(b"") is None
    assert prepared.refusal(b"r1") is None
    gone, down = prepared.refusal(b"r0"), prepared.refusal(b"r2")
    assert gone is not None
    assert gone.status == 409
    assert b"release-retired" in gone.body
    assert down is not None
    assert down.status == 503, "its release is there, and away for now"


def test_testers_choose_by_header_or_cookie() -> None:
    kit = Kit()
    base = route(endpoint("unix:/a"))
    new = replace(route(endpoint("unix:/b", "two")).targets[0], release_id=ReleaseId("r2"), weight=0)
    preview = Preview(release_id=ReleaseId("r2"), header="x-try", cookie="try")
    kit.publish(replace(base, targets=(replace(base.targets[0], weight=100), new), preview=preview))
    prepared = kit.table.routes[b"notes"]

    def chosen(*headers: tuple[bytes, bytes]) -> bytes:
        target = prepared.choose(b"", list(headers))
        assert target is not None
        return target.release

    assert chosen() == b"r1"
    assert chosen((b"x-try", b"always")) == b"r2"
    assert chosen((b"cookie", b"a=b; try=always; c=d")) == b"r2"
    assert chosen((b"x-try", b"never"), (b"cookie", b"try=always")) == b"r1", "the header counts more"
    assert chosen((b"x-try", b"perhaps")) == b"r1"


def test_a_failed_call_goes_to_a_proven_release_and_never_to_an_unproven_one() -> None:
    kit = Kit()
    base = route(endpoint("unix:/a"))
    other = route(endpoint("unix:/b", "two")).targets[0]
    failing = replace(base.targets[0], weight=100)
    warm = replace(other, release_id=ReleaseId("r0"), weight=0, warm=True)
    kit.publish(replace(base, targets=(failing, warm)))
    prepared = kit.table.routes[b"notes"]
    tried = prepared.by_release[b"r1"].upstreams[0]
    found = prepared.elsewhere(tried, b"")
    assert found is not None
    assert found[0].release == b"r0"
    assert prepared.elsewhere(tried, b"r1") is None, "a page stays on its release"
    kit.publish(replace(base, targets=(failing, replace(warm, warm=False))))
    assert kit.table.routes[b"notes"].elsewhere(tried, b"") is None


def test_only_healthy_and_updating_plugins_take_calls() -> None:
    kit = Kit()
    for state in PluginState:
        kit.publish(route(endpoint("unix:/a"), state=state))
        serving = state in (PluginState.HEALTHY, PluginState.UPDATING)
        assert (kit.table.routes[b"notes"].problem is None) == serving
    kit.publish(route(state=PluginState.HEALTHY))
    assert kit.table.routes[b"notes"].problem is not None


def test_old_and_new_settings_of_one_release_share_its_name_but_not_its_calls() -> None:
    kit = Kit()
    base = route(endpoint("unix:/old"))
    (old,) = base.targets
    new = replace(old, endpoints=(endpoint("unix:/new", "two"),))
    release = old.release_id.encode()
    for targets, serving in (
        ((old, replace(new, weight=0)), "unix:/old"),
        ((new, replace(old, weight=0, warm=True)), "unix:/new"),
    ):
        kit.publish(replace(base, targets=targets))
        prepared = kit.table.routes[b"notes"]
        for asked in (b"", release):
            chosen = {prepared.choose(asked, []) for _ in range(50)}
            addresses = {u.endpoint.address for target in chosen if target for u in target.upstreams}
            assert addresses == {serving}
    switched = prepared.choose(release, [])
    assert switched is not None
    warm = prepared.elsewhere(switched.least_busy(), release)
    assert warm is not None
    assert warm[1].endpoint.address == "unix:/old", "it helps out where the new one fails"


def test_what_refuses_calls_is_made_when_first_needed_and_then_kept() -> None:
    """A table of 1,000 plugins must reach every worker in a moment, and few of them ever refuse."""
    kit = Kit()
    kit.publish(route(endpoint("unix:/a"), limits=Limits(max_concurrent=1)))
    prepared = kit.table.routes[b"notes"]
    assert not vars(prepared)
    prepared.active[0] = 1
    refusal = prepared.refusal(b"")
    assert refusal is not None
    assert refusal.reason == "overloaded"
    assert prepared.refusal(b"") is refusal


def test_a_copy_of_one_user_is_out_of_everybody_elses_reach() -> None:
    kit = Kit()
    base = route(endpoint("unix:/a"))
    copy = replace(base.targets[0], release_id=ReleaseId("mine"), endpoints=(endpoint("unix:/copy", "copy"),))
    kit.publish(replace(base, personal=(Personal(user="ann", target=copy),)))
    all_, own = kit.table.routes[b"notes"], (kit.table.routes[b"notes"].personal or {})["ann"]
    assert {target.release for target in all_.targets} == {b"r1"}
    assert all_.choose(b"mine", []) is all_.first
    assert all_.refusal(b"mine") is not None, "a page of the copy is told to load again"
    assert own.first is not None
    assert own.first.release == b"mine"
    assert own.refusal(b"r1") is not None, "as is a page of the release, for her"
    assert own.elsewhere(own.first.upstreams[0], b"") is None
    assert kit.table.find(own.key) is None, "so that no retry looks up everybody's route in its place"
    own.active[0] += 1
    away = replace(copy, endpoints=())
    kit.publish(replace(base, personal=(Personal(user="ann", target=away, reason="It is away."),)))
    own = (kit.table.routes[b"notes"].personal or {})["ann"]
    assert own.active == [1]
    refused = own.refusal(b"")
    assert refused is not None
    assert (refused.status, "It is away." in refused.body.decode()) == (503, True)
    assert [gone.endpoint.address for gone in kit.retired] == ["unix:/copy"]
    kit.publish(base)
    assert kit.table.routes[b"notes"].personal is None
