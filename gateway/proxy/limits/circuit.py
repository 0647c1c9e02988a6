"""Whether an instance takes calls: closed, open for a time, half-open. Pure; times come in as values.

The figures are those of Envoy's outlier detection: five failures in a row, out for 30 s times the
number of times, 300 s at most; every 10 s without being out make up for one time.
"""

from __future__ import annotations

from enum import StrEnum

FAILURES = 5
BASE = 30.0
LONGEST = 300.0
FORGIVEN_AFTER = 10.0
PROBE_EVERY = 1.0
"""Seconds between two calls that try an instance whose time is over."""


class State(StrEnum):
    """``HELD``: it would be open, were it not the last one."""

    CLOSED = "closed"
    HELD = "held"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Circuit:
    """One incarnation of an instance.

    What a call says counts only where it began after the last change: calls that hung before an
    instance was taken out must not speak against it once it is back.
    """

    __slots__ = ("_next_probe", "_since", "_until", "failures", "out", "reason", "times")

    def __init__(self) -> None:
        self.failures = 0
        self.out = False
        self.times = 0
        self.reason = ""
        self._until = 0.0
        self._since = float("-inf")
        self._next_probe = 0.0

    def state(self, now: float) -> State:
        if self.out:
            return State.HALF_OPEN if now >= self._until else State.OPEN
        return State.HELD if self.failures >= FAILURES else State.CLOSED

    @property
    def until(self) -> float:
        """When it is tried again, where it is out."""
        return self._until

    def failed(self, began: float, now: float, reason: str, *, last: bool) -> bool:
        """A call failed; ``last`` where nobody else takes calls. Returns whether that changed its state."""
        if began < self._since:
            return False
        before = self.state(now)
        if before is State.OPEN:
            return False
        self.failures += 1
        self.reason = reason
        if before is State.HALF_OPEN or self.failures >= FAILURES:
            if last:
                self._come_back(now)
            else:
                self._go_out(now)
        return self.state(now) is not before

    def succeeded(self, began: float, now: float) -> bool:
        """A call was answered. Returns whether that changed its state."""
        if began < self._since:
            return False
        before = self.state(now)
        if before is State.OPEN:
            return False
        self.failures = 0
        self._come_back(now)
        if self.times and now - self._since >= FORGIVEN_AFTER * self.times:
            self.times = 0
        return before is not State.CLOSED

    def due(self, now: float) -> bool:
        """Whether the next call should try it."""
        return self.out and now >= self._next_probe

    def probe(self, now: float) -> None:
        """A call tries it; others do not, for a moment."""
        self._next_probe = now + PROBE_EVERY

    def _go_out(self, now: float) -> None:
        if not self.out:
            self.times = max(0, self.times - int((now - self._since) / FORGIVEN_AFTER)) if self.times else 0
        self.times += 1
        self.out = True
        self._since = now
        self._until = self._next_probe = now + min(LONGEST, BASE * self.times)

    def _come_back(self, now: float) -> None:
        if self.out:
            self.out = False
            self._since = now
