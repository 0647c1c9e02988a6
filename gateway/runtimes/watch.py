"""Hear of the end of processes, children or not, and pass it on to those who listen."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import psutil

_POLL = 0.25


class Broadcast:
    """Wakes every listener; wakes that come while one is busy are one wake."""

    def __init__(self) -> None:
        self._events: set[asyncio.Event] = set()
        self._ended = False

    def wake(self) -> None:
        for event in self._events:
            event.set()

    def end(self) -> None:
        self._ended = True
        self.wake()

    async def listen(self) -> AsyncIterator[None]:
        """Yields once at the beginning, as something may have changed before anyone listened."""
        event = asyncio.Event()
        event.set()
        self._events.add(event)
        try:
            while not self._ended:
                await event.wait()
                event.clear()
                yield None
        finally:
            self._events.discard(event)


class ExitWatch:
    """Calls ``changed`` when a watched process ends: by pidfd on Linux, by looking elsewhere."""

    def __init__(self, changed: Broadcast) -> None:
        self._changed = changed
        self._descriptors: dict[int, int] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def watch(self, pid: int) -> None:
        if pid in self._descriptors or pid in self._tasks:
            return
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                descriptor = os.pidfd_open(pid)
                self._descriptors[pid] = descriptor
                asyncio.get_running_loop().add_reader(descriptor, self._ended, pid)
                return
        self._tasks[pid] = asyncio.create_task(self._look(pid), name=f"watch {pid}")

    def _ended(self, pid: int) -> None:
        self._forget(pid)
        self._changed.wake()

    def _forget(self, pid: int) -> None:
        if (descriptor := self._descriptors.pop(pid, None)) is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)

    async def _look(self, pid: int) -> None:
        while True:
            await asyncio.sleep(_POLL)
            if not await asyncio.to_thread(_lives, pid):
                break
        self._tasks.pop(pid, None)
        self._changed.wake()

    async def close(self) -> None:
        for pid in tuple(self._descriptors):
            self._forget(pid)
        tasks = tuple(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
