"""The calls that run, and how they end in good order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Call(Protocol):
    """One HTTP call or WebSocket, from its head to its last byte."""

    @property
    def is_stream(self) -> bool:
        """Without an end of its own: an event stream or a WebSocket."""
        ...

    def give_notice(self) -> None:
        """The plugin drains: end in good order, soon."""
        ...

    def cut(self) -> None:
        """End now."""
        ...


@dataclass(frozen=True, slots=True)
class Drained:
    """Calls that ended by themselves, and calls that were cut at the deadline."""

    finished: int
    cut: int


class Calls:
    """Every open call of one server. A call adds itself and leaves when nothing of it is left."""

    def __init__(self) -> None:
        self._open: set[Call] = set()
        self._left = asyncio.Event()
        self.draining = False
        self.on_draining: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, call: Call) -> None:
        self._open.add(call)

    def leave(self, call: Call) -> None:
        self._open.discard(call)
        if self.draining:
            self._left.set()

    async def drain(self, deadline: float, stream_deadline: float) -> Drained:
        """Take no new calls, wait for those that run, cut the rest. Seconds; may be called again."""
        if not self.draining:
            self.draining = True
            self.on_draining()
        streams = {call for call in self._open if call.is_stream}
        plain = self._open - streams
        for call in streams:
            call.give_notice()
        cut = await asyncio.gather(self._end(plain, deadline), self._end(streams, stream_deadline))
        return Drained(finished=len(plain) + len(streams) - sum(cut), cut=sum(cut))

    async def _end(self, calls: set[Call], seconds: float) -> int:
        """Wait for these, cut what is left after ``seconds``, return how many that were."""
        try:
            async with asyncio.timeout(seconds):
                while calls & self._open:
                    self._left.clear()
                    await self._left.wait()
        except TimeoutError:
            pass
        left = calls & self._open
        for call in left:
            call.cut()
        return len(left)
