"""Routes made ready for calls: whatever a call would compute is computed here once."""

from __future__ import annotations

import random
from functools import cached_property
from typing import TYPE_CHECKING

from gateway.access.cors import Cors
from gateway.model import PluginState
from gateway.proxy.counters import ReleaseCounts
from gateway.proxy.headers import Pairs
from gateway.proxy.limits.gate import Gate, part
from gateway.proxy.limits.outliers import least_busy
from gateway.proxy.limits.overload import Capacity
from gateway.proxy.paths import Rules
from gateway.proxy.preview import asked_for, prepare_preview
from gateway.proxy.problems import Overloaded, PluginUnavailable, Problem, retired, unavailable
from gateway.proxy.retries import RetryBudget
from gateway.proxy.templates import templates_of
from gateway.proxy.upstream import Upstream
from gateway.routing import Route, Target
from gateway.ui_bundles import UiBundle

if TYPE_CHECKING:
    from gateway.proxy.typed.catalog import TypedRelease

_RUNNING = "calls to {} are running; no more are taken"
_SERVING = (PluginState.HEALTHY, PluginState.UPDATING)


class PreparedTarget:
    """One release that takes calls."""

    __slots__ = (
        "counts",
        "plugin",
        "release",
        "rules",
        "target",
        "templates",
        "typed",
        "upstreams",
        "weight",
    )

    def __init__(
        self,
        plugin: str,
        target: Target,
        upstreams: list[Upstream],
        counts: ReleaseCounts,
        typed: TypedRelease | None = None,
    ) -> None:
        self.plugin = plugin
        self.target = target
        self.release = target.release_id.encode()
        self.weight = target.weight
        self.rules = Rules(target.rules)
        self.upstreams = upstreams
        self.counts = counts
        self.templates = templates_of(target.templates)
        self.typed = typed

    def least_busy(self) -> Upstream:
        upstreams = self.upstreams
        return upstreams[0] if len(upstreams) == 1 else least_busy(upstreams)


class PreparedRoute:
    """One plugin. ``active`` counts its running calls, ``streams`` its event streams and WebSockets.

    These two, the budget and the gate survive new snapshots.

    ``gate`` is None where the plugin has no quotas, which then cost nothing; so are ``personal``, the
    routes of users who have one of their own, where nobody has, and ``recording``.
    """

    __slots__ = (
        # For what is made when it is first needed: most plugins never refuse a call.
        "__dict__",
        "active",
        "base_path",
        "budget",
        "bundles",
        "by_release",
        "capacity",
        "cors",
        "first",
        "gate",
        "key",
        "known",
        "limits",
        "most",
        "personal",
        "preview",
        "problem",
        "recording",
        "releases",
        "route",
        "streams",
        "targets",
        "ui_counts",
        "uis",
        "weights",
    )

    def __init__(
        self,
        route: Route,
        targets: list[PreparedTarget],
        old: PreparedRoute | None,
        capacity: Capacity,
        processes: int,
        key: bytes = b"",
        personal: dict[str, PreparedRoute] | None = None,
    ) -> None:
        self.route = route
        self.key = key or route.plugin_id.encode()
        self.personal = personal
        self.recording = route.recording
        self.limits = route.limits
        self.cors = Cors(route.origins) if route.origins else None
        self.base_path = f"/plugins/{route.plugin_id}/api"
        self.active: list[int] = [0] if old is None else old.active
        self.streams: list[int] = [0] if old is None else old.streams
        self.budget: RetryBudget = RetryBudget() if old is None else old.budget
        self.capacity = capacity
        self.most = part(route.limits.max_concurrent, processes) or 1
        self.gate = _gate(route, old, processes)
        self.known = targets[0] if targets else None
        self.targets = [target for target in targets if target.upstreams]
        self.weights = [target.weight for target in self.targets]
        if not any(self.weights):
            self.weights = [int(target.target.warm) for target in self.targets]
            if not any(self.weights):
                self.weights = [1] * len(self.targets)
        # Old and new settings of one release are two targets: a page's calls go to the heavier.
        self.by_release = {t.release: t for t in sorted(self.targets, key=lambda target: target.weight)}
        self.releases = frozenset(target.release for target in targets)
        self.preview = prepare_preview(route)
        serving = route.state in _SERVING and bool(self.targets)
        self.first = self.targets[0] if len(self.targets) == 1 else None
        self.problem = None if serving else Problem(self.unavailable)
        self.uis: list[tuple[Target, UiBundle]] = [(t, t.ui) for t in route.targets if t.ui is not None]
        # Files of a page are asked for without a session, so that nobody knows whose they are.
        self.bundles: list[UiBundle] = [ui for _, ui in self.uis]
        self.ui_counts: dict[str, ReleaseCounts] = {}
        for mine in (personal or {}).values():
            self.bundles += mine.bundles
            self.ui_counts |= mine.ui_counts
        self.ui_counts |= {t.target.ui.digest: t.counts for t in targets if t.target.ui is not None}

    @cached_property
    def unavailable(self) -> PluginUnavailable:
        """Why no instance takes calls."""
        return unavailable(self.route)

    @cached_property
    def retired(self) -> Problem:
        """For a page whose release is gone."""
        return Problem(retired(self.route))

    @cached_property
    def overloaded(self) -> Problem:
        """As many calls as the plugin may have are running."""
        return _overloaded(self.route, f"{self.most} {_RUNNING.format(self.route.plugin_id)}.", "overloaded")

    @cached_property
    def crowded(self) -> Problem:
        """It may have no more, as the gateway is short of room."""
        why = (
            f"Many {_RUNNING.format(self.route.plugin_id)} while the gateway has little room left for others."
        )
        return _overloaded(self.route, why, "crowded")

    def refusal(self, release: bytes) -> Problem | None:
        """Why no call is taken now; ``release`` is the one that a page was loaded from, or empty.

        A page never meets the API of another release: it is told to load again.
        """
        if self.problem is not None:
            return self.problem
        active = self.active[0]
        if active >= self.most:
            return self.overloaded
        if active >= self.capacity.free:
            return self.crowded
        if not release or release in self.by_release:
            return None
        return Problem(self.unavailable) if release in self.releases else self.retired

    def outlast(self) -> bool:
        """A call has become a stream: whether it gives its place among those at once to another call.

        What lasts for hours and is mostly silent must not keep others out. A plugin may have as many as
        are still free, as with calls; one beyond that stays a call.
        """
        if self.streams[0] >= self.capacity.streams:
            return False
        self.streams[0] += 1
        self.capacity.streams -= 1
        self.active[0] -= 1
        self.capacity.free += 1
        return True

    def leave(self, stream: bool) -> None:
        """A call has ended; ``stream`` is what :meth:`outlast` said of it."""
        if stream:
            self.streams[0] -= 1
            self.capacity.streams += 1
        else:
            self.active[0] -= 1
            self.capacity.free += 1

    def choose(self, release: bytes, headers: Pairs) -> PreparedTarget | None:
        """The release that takes a call: the one it asks for, where that serves, else by weight.

        Where none serves, the first still says who may know why.
        """
        if release and (asked := self.by_release.get(release)) is not None:
            return asked
        if self.preview is not None and (wanted := asked_for(self.preview, headers)) is not None:
            return self.by_release.get(wanted, self.first or self.known)
        if self.first is not None:
            return self.first
        if not self.targets:
            return self.known
        return random.choices(self.targets, self.weights)[0]  # noqa: S311  a share of traffic, no secret

    def elsewhere(self, tried: Upstream, release: bytes) -> tuple[PreparedTarget, Upstream] | None:
        """Who takes a call that ``tried`` did not; a page's call stays on the page's release."""
        bound = self.by_release.get(release) if release else None
        proven = [t for t in self.targets if t.weight or t.target.warm or t is bound]
        able = [t for t in proven if t.release == release] if bound else proven
        for target in sorted(able, key=lambda target: -target.weight):
            others = [upstream for upstream in target.upstreams if upstream is not tried]
            if others:
                return target, least_busy(others)
        return None


def _gate(route: Route, old: PreparedRoute | None, processes: int) -> Gate | None:
    quotas = route.limits.quotas
    if old is not None and old.limits.quotas == quotas:
        return old.gate
    return Gate(route.plugin_id, quotas, processes) if quotas.gated else None


def _overloaded(route: Route, words: str, reason: str) -> Problem:
    return Problem(Overloaded(words, plugin=route.plugin_id, reason=reason, retry_after=1.0))
