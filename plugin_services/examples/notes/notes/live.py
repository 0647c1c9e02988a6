"""Server-sent events: every open page hears of every change."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

_HEARTBEAT = 15.0
_BEHIND = 256
_RELOAD = "event: reload\ndata: {}\n\n"


class Live:
    """Publishes to any number of streams. A stream that falls behind is told to load again."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[str]] = set()
        self._ids = itertools.count(1)

    def publish(self, event: str, data: str) -> None:
        """``data`` is one line of JSON."""
        message = f"id: {next(self._ids)}\nevent: {event}\ndata: {data}\n\n"
        for queue in self._queues:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(_RELOAD)
            else:
                queue.put_nowait(message)

    async def stream(self) -> AsyncIterator[str]:
        queue: asyncio.Queue[str] = asyncio.Queue(_BEHIND)
        self._queues.add(queue)
        try:
            # What changed before this moment is not repeated: a page loads when it sees this.
            yield _RELOAD
            while True:
                try:
                    async with asyncio.timeout(_HEARTBEAT):
                        message = await queue.get()
                except TimeoutError:
                    message = ": still here\n\n"
                yield message
        finally:
            self._queues.discard(queue)
