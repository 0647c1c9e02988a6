"""When the gateway itself has too much to do: how far its event loop lags, and how many calls it holds."""

from __future__ import annotations

import asyncio
import random

TICK = 0.05
_FEWEST = 3
_MORE, _LESS = 0.2, 0.1
_MOST = 0.9
"""Some calls pass even then, as only they show that it has become better."""


class LagJudge:
    """Which share of the calls is refused. Pure.

    Only a lag that stays above ``target`` seconds for a whole window counts, as CoDel has it: one
    long step of the loop is no overload. ``share`` then grows step by step, and goes as it came.
    """

    __slots__ = ("_began", "_least", "_seen", "_target", "_window", "share")

    def __init__(self, target: float, now: float) -> None:
        self._target = target
        self._window = max(1.0, 4.0 * target)
        self.share = 0.0
        self._begin(now)

    def _begin(self, now: float) -> None:
        self._began = now
        self._least = float("inf")
        self._seen = 0

    def observe(self, lag: float, now: float) -> None:
        """``lag`` in seconds, as a timer that was due had to wait."""
        self._least = min(self._least, lag)
        self._seen += 1
        if now - self._began < self._window:
            return
        if self._least > self._target and self._seen >= _FEWEST:
            self.share = min(_MOST, self.share + _MORE)
        else:
            self.share = max(0.0, self.share - _LESS)
        self._begin(now)


class LoopLag:
    """Watches the loop that it is made in. ``target`` 0 switches it off."""

    def __init__(self, target: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.lag = 0.0
        self._judge: LagJudge | None = None
        if target > 0:
            self._judge = LagJudge(target, self._loop.time())
            self._wait()

    @property
    def share(self) -> float:
        return self._judge.share if self._judge is not None else 0.0

    def sheds(self) -> bool:
        """Whether this call is refused."""
        judge = self._judge
        return judge is not None and judge.share > 0.0 and random.random() < judge.share  # noqa: S311

    def _wait(self) -> None:
        self._due = self._loop.time() + TICK
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        self.lag = max(0.0, now - self._due)
        if self._judge is not None:
            self._judge.observe(self.lag, now)
        self._wait()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class Capacity:
    """How many more calls the gateway takes, over all plugins, and how many ``streams`` beside them.

    A plugin may hold as many as are left free. So one that hangs fills at most the half, two that do a
    third each, and there is always room for the next plugin (dynamic thresholds, Choudhury and Hahne 1998).
    """

    __slots__ = ("free", "most", "streams")

    def __init__(self, most: int, streams: int = 0) -> None:
        self.most = most
        self.free = most
        self.streams = streams
