"""A day of figures for each plugin, in memory: the last hour closely, the day before it in steps."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.figures.counts import Counts, quantile
from gateway.model import PluginState

FINE = 360
"""Points of one look at the counters each: an hour, at one in ten seconds."""
COARSE, STRIDE = 288, 30
"""Points of STRIDE looks each: 288 of five minutes are a day."""

# The worse comes later: of several states in one span the worst is shown.
STATES = (
    PluginState.DISABLED, PluginState.HEALTHY, PluginState.UPDATING, PluginState.STARTING,
    PluginState.UNHEALTHY, PluginState.QUARANTINED,
)  # fmt: skip
_RANK = {state: rank for rank, state in enumerate(STATES)}
_FIELDS = 6


@dataclass(frozen=True, slots=True)
class Point:
    """One span: when it ended (Unix time), calls and errors in it, latency in seconds, the worst state."""

    at: float
    calls: float
    errors: float
    median: float
    p99: float
    state: PluginState


class Ring:
    """The newest ``size`` points, as plain numbers: thousands of plugins cost some megabytes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._numbers = array("d")
        self._next = 0

    def add(self, point: Point) -> None:
        row = (point.at, point.calls, point.errors, point.median, point.p99, float(_RANK[point.state]))
        if len(self._numbers) < self._size * _FIELDS:
            self._numbers.extend(row)
            return
        self._numbers[self._next : self._next + _FIELDS] = array("d", row)
        self._next = (self._next + _FIELDS) % len(self._numbers)

    def points(self) -> list[Point]:
        """Oldest first."""
        numbers = self._numbers[self._next :] + self._numbers[: self._next]
        rows = (numbers[at : at + _FIELDS] for at in range(0, len(numbers), _FIELDS))
        return [Point(row[0], row[1], row[2], row[3], row[4], STATES[int(row[5])]) for row in rows]


class _Plugin:
    def __init__(self, counts: Counts) -> None:
        self.fine, self.coarse = Ring(FINE), Ring(COARSE)
        self.last = self.anchor = counts
        self.worst = STATES[0]
        self.steps = 0

    def add(self, at: float, counts: Counts, state: PluginState) -> None:
        self.fine.add(_between(at, self.last, counts, state))
        self.last = counts
        self.worst = max(self.worst, state, key=_RANK.__getitem__)
        self.steps += 1
        if self.steps == STRIDE:
            self.coarse.add(_between(at, self.anchor, counts, self.worst))
            self.anchor, self.worst, self.steps = counts, STATES[0], 0


def _between(at: float, before: Counts, now: Counts, state: PluginState) -> Point:
    if now.calls < before.calls:
        # Counters that fell began anew.
        before = Counts()
    return Point(
        at=at,
        calls=now.calls - before.calls,
        errors=max(0.0, now.errors - before.errors),
        median=quantile(now.buckets, before.buckets, 0.5),
        p99=quantile(now.buckets, before.buckets, 0.99),
        state=state,
    )


class History:
    """Figures by plugin; what is not installed any more is forgotten."""

    def __init__(self) -> None:
        self._plugins: dict[str, _Plugin] = {}

    def add(self, at: float, counts: Mapping[str, Counts], states: Mapping[str, PluginState]) -> None:
        """One look at the counters, ``at`` Unix time; ``states`` has every plugin that is installed."""
        for plugin, state in states.items():
            now = counts.get(plugin, Counts())
            if plugin not in self._plugins:
                # Its first look has nothing to be held against.
                self._plugins[plugin] = _Plugin(now)
            else:
                self._plugins[plugin].add(at, now, state)
        for plugin in self._plugins.keys() - states.keys():
            del self._plugins[plugin]

    def fine(self, plugin: str) -> list[Point]:
        """The last FINE looks, oldest first."""
        found = self._plugins.get(plugin)
        return found.fine.points() if found else []

    def coarse(self, plugin: str) -> list[Point]:
        """The last COARSE points of STRIDE looks each, oldest first."""
        found = self._plugins.get(plugin)
        return found.coarse.points() if found else []
