"""Calls that run: ends those whose client has left.

A task for each call that waits for the client to leave would cost more than most
calls. So calls are only noted, and those that last get such a task from a sweep.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from gateway.proxy.call import Call

_SWEEP = 0.1


class RunningCalls:
    """Every call between :meth:`begin` and :meth:`end`, its request body read."""

    def __init__(self) -> None:
        self._calls: set[Call] = set()
        self._sweeper: asyncio.Task[None] | None = None

    def begin(self, call: Call) -> None:
        call.task = asyncio.current_task()
        self._calls.add(call)
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())

    def end(self, call: Call) -> None:
        self._calls.discard(call)
        call.task = None
        if call.watcher is not None:
            call.watcher.cancel()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP)
            before = time.perf_counter() - _SWEEP
            for call in self._calls:
                if call.started < before:
                    call.watch()

    async def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
            self._sweeper = None
