"""One call whose answer is a stream: what came of it, how it ended, and how much more may come.

What costs memory is what waits, and most of these wait: a stream that is silent is one small object and one
future. Sizes in bytes, times in seconds.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import Protocol

from gateway.proxy.failures import CallFailed, Failure

LONG_WINDOW = 1024 * 1024
"""What a plugin may send ahead over a network, where what is under way counts too, and of a long answer: each
widening costs either side about as much as 16 KiB."""


class Assembly(Protocol):
    """Makes of bytes as they come what a call is made of."""

    held: int
    """Bytes that came and were not taken."""

    @property
    def between(self) -> bool:
        """Whether no message is unfinished."""
        ...

    def feed(self, data: bytes) -> None: ...


class Carrier(Protocol):
    """The connection of a call."""

    window: int

    def future(self) -> asyncio.Future[None]: ...

    def deadline_of(self, idle: float) -> float:
        """When a silence that begins now is too long; it is watched for."""
        ...

    def widen(self, number: int, size: int) -> None: ...
    def let_go(self, number: int) -> None: ...


class Incoming:
    """It must be closed, read or not. ``begun`` is whether the head of the answer came."""

    __slots__ = (
        "_assembly", "_carrier", "_credit", "_ended", "_failed", "_silence", "_waiter", "begun", "deadline",
        "number",
    )  # fmt: skip

    def __init__(self, carrier: Carrier, assembly: Assembly, credit: int) -> None:
        self._carrier = carrier
        self._assembly = assembly
        # What the plugin may still send.
        self._credit = credit
        self._ended = False
        self._failed: CallFailed | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._silence = 0.0
        self.begun = False
        self.deadline = inf
        self.number = 0

    said_all = True
    """Whether nothing more is sent to the plugin: else it may end the call before its client has."""

    # The connection's side

    def widened(self, size: int) -> None:
        """The plugin takes so much more; less than nothing where its settings have changed."""

    def answered(self) -> None:
        """The head of the answer came."""
        self.begun = True

    def feed(self, payload: bytes, counted: int) -> bool:
        """Whether so much was allowed. Raises :class:`CallFailed` for what is no message."""
        self._credit -= counted
        if self._credit < 0:
            return False
        self._assembly.feed(payload)
        self.wake()
        return True

    def finish(self) -> None:
        if self._assembly.between:
            self._ended = True
            self.wake()
        else:
            self.fail(CallFailed(Failure.GARBAGE, "ended its answer within a message"))

    def fail(self, failed: CallFailed) -> None:
        if not self._ended and self._failed is None:
            self._failed = failed
            self.wake()

    def timed_out(self) -> CallFailed:
        return CallFailed(Failure.TIMED_OUT, f"was silent for {self._silence:g} seconds")

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # The caller's side

    @property
    def held(self) -> int:
        """Bytes that came and were not read."""
        return self._assembly.held

    async def _wait(self) -> None:
        """Until something has come, or it is over."""
        self._waiter = self._carrier.future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _widen_to(self, window: int) -> None:
        """Let the plugin go on, as what it sent was taken."""
        more = window - self._credit
        if more >= window // 2:
            self._credit += more
            self._carrier.widen(self.number, more)

    def close(self) -> None:
        """Break it off where it has not ended. Whoever reads meanwhile is told."""
        self._carrier.let_go(self.number)
        self.fail(CallFailed(Failure.LOST, "is not waited for"))
