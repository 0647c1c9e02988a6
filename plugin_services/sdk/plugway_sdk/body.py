"""The body of a request, as an app receives it."""

from __future__ import annotations

from collections import deque

from plugway_sdk.change import Signal
from plugway_sdk.plugin import Message


class RequestBody:
    """A body that is at hand, or that arrives in parts with back-pressure.

    ``next`` gives ASGI messages until the body is taken; None means that the client left.
    """

    __slots__ = (
        "_buffered", "_discarding", "_end", "_gone", "_parts", "_room", "_window", "changed", "taken"
    )  # fmt: skip

    def __init__(self, body: bytes | None = None, *, window: int = 0) -> None:
        self._parts: deque[bytes] = deque()
        self._buffered = 0
        self._end = body is not None
        self._gone = False
        self._discarding = False
        self._window = window
        self.changed = Signal()
        self._room = Signal()
        self.taken = False
        if body:
            self._parts.append(body)

    async def next(self) -> Message | None:
        while not self._parts and not self._end and not self._gone:
            await self.changed.wait()
        if self._gone:
            return None
        part = self._parts.popleft() if self._parts else b""
        self._buffered -= len(part)
        self._room.notify()
        self.taken = self._end and not self._parts
        return {"type": "http.request", "body": part, "more_body": not self.taken}

    async def feed(self, part: bytes, *, end: bool) -> None:
        """Add a part; waits while the app is behind by more than the window."""
        if part and not self._discarding:
            self._parts.append(part)
            self._buffered += len(part)
        self._end = end
        self.changed.notify()
        while self._buffered >= self._window and not self._gone and not end:
            await self._room.wait()

    def discard(self) -> None:
        """The answer is out: what still comes is read and dropped."""
        self._discarding = True
        self._parts.clear()
        self._buffered = 0
        self._room.notify()

    def leave(self) -> None:
        """The client will send no more."""
        self._gone = True
        self._room.notify()
        self.changed.notify()
