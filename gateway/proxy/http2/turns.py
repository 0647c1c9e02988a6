"""Who may write next on a connection whose peer does not read as fast as its calls write."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """In the order of asking, one at a time, while the peer takes what is written."""

    __slots__ = ("_loop", "_waiting", "_writable")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._writable = True
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait until the peer has taken what was written, and it is this one's turn.

        Every call of this is followed by one of :meth:`pass_on`.
        """
        if self._writable and not self._waiting:
            return
        mine: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self.pass_on()
            raise

    def pass_on(self) -> None:
        while self._writable and self._waiting:
            following = self._waiting.popleft()
            if not following.done():
                following.set_result(None)
                return

    def pause(self) -> None:
        self._writable = False

    def resume(self) -> None:
        self._writable = True
        self.pass_on()

    def end(self) -> None:
        """Nobody waits any longer: the connection is gone."""
        self._writable = True
        while self._waiting:
            self.pass_on()
