from __future__ import annotations

from types import MappingProxyType

from gateway.model import PluginId, PluginState
from gateway.routing import Route, Snapshot
from gateway.workers.feed import Feed
from gateway.workers.messages import Routes
from tests.workers import taken


def route(plugin: str, reason: str = "") -> Route:
    return Route(plugin_id=PluginId(plugin), state=PluginState.STARTING, reason=reason)


def table(number: int, *routes: Route) -> Snapshot:
    by_id = {one.plugin_id: one for one in routes}
    return Snapshot(epoch=7, number=number, routes=MappingProxyType(by_id))


def test_only_what_changed_is_sent() -> None:
    feed = Feed()
    feed.change_to(table(1, route("a"), route("b"), route("c")))
    change = taken(feed.change_to(table(2, route("a"), route("b", "now"), route("d"))))
    assert change == Routes(
        epoch=7, number=2, base=1, gone=(PluginId("c"),), put=(route("b", "now"), route("d"))
    )


def test_whoever_begins_gets_all() -> None:
    feed = Feed()
    assert taken(feed.whole()) == Routes(epoch=0, number=0)
    feed.change_to(table(1, route("a")))
    feed.change_to(table(2, route("a", "other"), route("b")))
    whole = taken(feed.whole())
    assert whole == Routes(epoch=7, number=2, put=(route("a", "other"), route("b")))


def test_a_table_taken_over_is_whole_too() -> None:
    feed = Feed()
    feed.snapshot = table(9, route("a"))
    assert taken(feed.whole()) == Routes(epoch=7, number=9, put=(route("a"),))
