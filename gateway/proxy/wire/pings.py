"""Pings to a plugin: TCP may be half open, which shows without them only after many minutes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PAYLOAD = b"plugway\0"


class Pings:
    """Looks ``every`` so many seconds; sends one while a call runs, as ``busy`` says.

    A plugin that does not answer one for ``wait`` seconds is cut off. It begins at once, and must be stopped.
    """

    __slots__ = ("_abort", "_busy", "_due", "_every", "_loop", "_send", "_timer", "_wait")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        busy: Callable[[], bool],
        send: Callable[[], None],
        abort: Callable[[], None],
        every: float = 20.0,
        wait: float = 10.0,
    ) -> None:
        self._loop = loop
        self._busy = busy
        self._send = send
        self._abort = abort
        self._every = every
        self._wait = wait
        self._due = False
        self._timer = loop.call_later(every, self._ping)

    def answered(self) -> None:
        self._due = False

    def stop(self) -> None:
        self._timer.cancel()

    def _ping(self) -> None:
        if self._due:
            self._abort()
            return
        self._due = self._busy()
        if self._due:
            self._send()
        self._timer = self._loop.call_later(self._wait if self._due else self._every, self._ping)
