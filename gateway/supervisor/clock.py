"""The two clocks: one for timers, one for people."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Timers count in ``steady`` seconds, which no clock change touches; ``wall`` is only shown."""

    steady: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time

    def shown(self, steady: float) -> float:
        """Unix time of a moment on the steady clock, as of now."""
        return self.wall() + (steady - self.steady())
