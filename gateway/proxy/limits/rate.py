"""Rates, by the generic cell rate algorithm: one number a bucket, and no timer. Pure.

The number is the time at which the bucket is full again (GCRA's theoretical arrival time, ITU-T I.371).
"""

from __future__ import annotations

from gateway.call_limits import Rate

_NEVER = float("-inf")
_MOMENT = 1e-9
"""Seconds that rounding may cost: whoever waited as long as told must get through."""


class Pace:
    """A rate as intervals, for one of ``processes`` that share it."""

    __slots__ = ("interval", "tolerance")

    def __init__(self, rate: Rate, processes: int = 1) -> None:
        self.interval = processes / rate.per_second
        self.tolerance = (max(1, -(-rate.burst // processes)) - 1) * self.interval

    def wait(self, full_at: float, now: float) -> float:
        """Seconds until a call may pass; 0 where it may now."""
        wait = full_at - self.tolerance - now
        return wait if wait > _MOMENT else 0.0

    def take(self, full_at: float, now: float) -> float:
        """The bucket after one more call."""
        return (full_at if full_at > now else now) + self.interval


class Bucket:
    """One rate for all calls together."""

    __slots__ = ("_full_at", "_pace")

    def __init__(self, rate: Rate, processes: int = 1) -> None:
        self._pace = Pace(rate, processes)
        self._full_at = _NEVER

    def wait(self, now: float) -> float:
        return self._pace.wait(self._full_at, now)

    def take(self, now: float) -> None:
        self._full_at = self._pace.take(self._full_at, now)


class Buckets:
    """The same rate for each of many callers, in bounded memory.

    A full bucket is as good as none, so those are dropped. Where ``most`` callers have one that is not,
    newcomers share one bucket: nobody gets more than the rate by many names.
    """

    __slots__ = ("_full_at", "_most", "_pace", "_rest")

    def __init__(self, rate: Rate, processes: int = 1, most: int = 10_000) -> None:
        self._pace = Pace(rate, processes)
        self._most = most
        # The one that was taken from longest ago comes first.
        self._full_at: dict[str, float] = {}
        self._rest = _NEVER

    def __len__(self) -> int:
        return len(self._full_at)

    def wait(self, who: str, now: float) -> float:
        # Whoever is new may have shared the one bucket a moment ago, so it counts until it is full.
        return self._pace.wait(self._full_at.get(who, self._rest), now)

    def take(self, who: str, now: float) -> None:
        full_at = self._full_at.pop(who, None)
        if full_at is None:
            full_at = self._rest
            self._drop(now)
            if len(self._full_at) >= self._most:
                self._rest = self._pace.take(full_at, now)
                return
        self._full_at[who] = self._pace.take(full_at, now)

    def _drop(self, now: float) -> None:
        """Drop up to two full ones, so that they go faster than they come."""
        for _ in range(2):
            oldest = next(iter(self._full_at), None)
            if oldest is None or self._full_at[oldest] > now:
                break
            del self._full_at[oldest]
