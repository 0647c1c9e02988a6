"""Something changed, look again: an asyncio.Event that costs nothing until someone waits."""

from __future__ import annotations

import asyncio


class Signal:
    """Several tasks may wait. Check the condition before each wait; there is no memory."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event: asyncio.Event | None = None

    async def wait(self) -> None:
        if self._event is None:
            self._event = asyncio.Event()
        self._event.clear()
        await self._event.wait()

    def notify(self) -> None:
        if self._event is not None:
            self._event.set()
