"""What is being done to get a plugin, told while it is done to whoever began it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Tell = Callable[[str, str], None]
"""Told a step, which is for programs, and words for people."""

_EVERY = 0.5
_MB = 1e6

# A source is asked for a release, by many hands; how far it is concerns only who asked.
_listener: ContextVar[Tell | None] = ContextVar("listener", default=None)


@contextmanager
def steps_told(tell: Tell) -> Iterator[None]:
    """What is done in here, and in tasks begun in here, is told to ``tell``."""
    before = _listener.set(tell)
    try:
        yield
    finally:
        _listener.reset(before)


def step(name: str, words: str) -> None:
    """Tell it; where nobody listens, that is nothing."""
    if (tell := _listener.get()) is not None:
        tell(name, words)


class Fetching:
    """Tells the size of what has come, now and then. ``whole`` is in bytes, 0 where not announced."""

    def __init__(self, whole: int) -> None:
        self._whole = whole
        self._told = -_EVERY

    def so_far(self, size: int) -> None:
        now = time.monotonic()
        if now - self._told >= _EVERY:
            self._told = now
            whole = f" of {self._whole / _MB:.1f}" if self._whole else ""
            step("fetching", f"fetching {size / _MB:.1f}{whole} MB")
