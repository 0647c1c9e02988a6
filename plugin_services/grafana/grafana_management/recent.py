"""Dashboards for the calls of one look at a page: twenty panels ask for one dashboard once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

KEPT = 5.0
"""Seconds for which one is believed to be as it was."""
MOST = 32


class Recent:
    """What was read lately, by key; callers that come at the same time share one reading."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Any, tuple[float, asyncio.Task[Any]]] = OrderedDict()

    async def get(self, key: Any, read: Callable[[], Awaitable[Any]]) -> Any:
        """What ``read`` gives; its failure is raised to those who wait, and not kept."""
        now = asyncio.get_running_loop().time()
        until, task = self._kept.get(key, (0.0, None))
        if task is None or now >= until or (task.done() and (task.cancelled() or task.exception())):
            task = asyncio.ensure_future(self._reading(read))
            self._kept[key] = (now + KEPT, task)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        # Whoever leaves does not take the reading from the others.
        return await asyncio.shield(task)

    def forget(self) -> None:
        """After a change, the next look is a new one."""
        self._kept.clear()

    @staticmethod
    async def _reading(read: Callable[[], Awaitable[Any]]) -> Any:
        return await read()
