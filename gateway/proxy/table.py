"""The routes of the newest snapshot, made ready for calls.

A new snapshot costs work only for the routes that changed; a call costs one look-up,
however many plugins there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.model import Endpoint, PluginState, TypedServices
from gateway.proxy.counters import CallMetrics
from gateway.proxy.limits.overload import Capacity
from gateway.proxy.prepared import PreparedRoute, PreparedTarget
from gateway.proxy.upstream import Upstream, UpstreamKey, key_of
from gateway.routing import Personal, Route, Snapshot, Target

if TYPE_CHECKING:
    from gateway.proxy.typed.catalog import TypedRelease

TypedOf = Callable[[TypedServices | None], "TypedRelease | None"]

_ROOMY = 1_000_000


class RouteTable:
    """The current snapshot, by plugin id as it stands in a path."""

    def __init__(
        self,
        metrics: CallMetrics,
        retire: Callable[[Upstream], None],
        capacity: Capacity | None = None,
        processes: int = 1,
        typed: TypedOf = lambda _: None,
    ) -> None:
        self.routes: dict[bytes, PreparedRoute] = {}
        self._capacity = capacity or Capacity(_ROOMY)
        self._processes = processes
        self._upstreams: dict[UpstreamKey, Upstream] = {}
        self._metrics = metrics
        self._retire = retire
        self._typed = typed
        self._followers: set[asyncio.Event] = set()

    def update(self, snapshot: Snapshot) -> None:
        """Take over a snapshot; endpoints that it no longer names are retired."""
        routes: dict[bytes, PreparedRoute] = {}
        for plugin_id, route in snapshot.routes.items():
            key = plugin_id.encode()
            old = self.routes.get(key)
            routes[key] = old if old is not None and old.route == route else self._prepare(route, old)
        named = {key_of(endpoint) for route in snapshot.routes.values() for endpoint in _endpoints(route)}
        self.routes = routes
        for key_ in self._upstreams.keys() - named:
            self._retire(self._upstreams.pop(key_))
        for follower in self._followers:
            follower.set()

    @contextmanager
    def follow(self) -> Iterator[asyncio.Event]:
        """An event that is set with each table from now on."""
        changed = asyncio.Event()
        self._followers.add(changed)
        try:
            yield changed
        finally:
            self._followers.discard(changed)

    def find(self, key: bytes) -> PreparedRoute | None:
        """The route as it is now."""
        return self.routes.get(key)

    def upstreams(self) -> list[Upstream]:
        return list(self._upstreams.values())

    def _prepare(self, route: Route, old: PreparedRoute | None) -> PreparedRoute:
        before = (old.personal if old is not None else None) or {}
        personal = {
            own.user: self._prepare_personal(route, own, before.get(own.user)) for own in route.personal
        }
        targets = self._targets(route)
        self._metrics.keep(route.plugin_id, frozenset(target.release_id for target in _all_targets(route)))
        return PreparedRoute(route, targets, old, self._capacity, self._processes, personal=personal or None)

    def _prepare_personal(self, route: Route, own: Personal, old: PreparedRoute | None) -> PreparedRoute:
        """As if the plugin had this one release: nothing of a user's call ever goes to the others'."""
        state = PluginState.HEALTHY if own.target.endpoints else PluginState.UNHEALTHY
        mine = replace(
            route, state=state, reason=own.reason, retry_after=1.0, targets=(own.target,), preview=None,
            personal=(),
        )  # fmt: skip
        # No plugin has this id, so that nobody looks for the newest route of it in the table.
        key = f"{route.plugin_id} {own.user}".encode()
        return PreparedRoute(mine, self._targets(mine), old, self._capacity, self._processes, key)

    def _targets(self, route: Route) -> list[PreparedTarget]:
        return [
            PreparedTarget(
                route.plugin_id,
                target,
                [self._upstream(endpoint) for endpoint in target.endpoints],
                self._metrics.of(route.plugin_id, target.version, target.release_id),
                self._typed(target.typed),
            )
            for target in route.targets
        ]

    def _upstream(self, endpoint: Endpoint) -> Upstream:
        return self._upstreams.setdefault(key_of(endpoint), Upstream(endpoint))


def _endpoints(route: Route) -> Iterable[Endpoint]:
    return (endpoint for target in _all_targets(route) for endpoint in target.endpoints)


def _all_targets(route: Route) -> Iterator[Target]:
    yield from route.targets
    yield from (own.target for own in route.personal)
