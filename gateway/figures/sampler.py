"""Looks at the counters again and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from gateway.figures.counts import Counts
from gateway.figures.history import History
from gateway.model import PluginState

Totals = Callable[[], Mapping[str, Counts]]
States = Callable[[], Mapping[str, PluginState]]


class Sampler:
    """Fills a history while it runs. ``totals`` is called in a thread, ``states`` in the event loop."""

    def __init__(self, history: History, totals: Totals, states: States, step: float) -> None:
        self._history = history
        self._totals = totals
        self._states = states
        self._step = step
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def look(self) -> None:
        """One sample."""
        counts = await asyncio.to_thread(self._totals)
        self._history.add(time.time(), counts, self._states())

    async def _run(self) -> None:
        due = asyncio.get_running_loop().time()
        while True:
            await self.look()
            # By a clock that goes on while a look takes its time, so that spans stay of one length.
            due = max(due + self._step, asyncio.get_running_loop().time())
            await asyncio.sleep(due - asyncio.get_running_loop().time())
