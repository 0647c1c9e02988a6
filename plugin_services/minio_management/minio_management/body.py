"""A call's body as a file for blocking code: read as it comes, never held as a whole."""

from __future__ import annotations

from collections.abc import AsyncIterator

from anyio import from_thread

HOP = 1024 * 1024
"""Bytes that are fetched from the event loop at a time."""


class BodyReader:
    """``read(size)`` for a thread that anyio started; an error of ``chunks`` is raised there."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._waiting = bytearray()
        self._ended = False
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes, and fewer at the end only."""
        while not self._ended and (size < 0 or len(self._waiting) < size):
            from_thread.run(self._more)
        part = bytes(self._waiting if size < 0 else self._waiting[:size])
        del self._waiting[: len(part)]
        self.size += len(part)
        return part

    async def _more(self) -> None:
        wanted = len(self._waiting) + HOP
        while len(self._waiting) < wanted:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                self._ended = True
                return
            self._waiting += chunk
