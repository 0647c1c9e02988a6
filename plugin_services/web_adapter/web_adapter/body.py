"""The body of one call on its way to the API, and whether its client is still there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from plugway_sdk.plugin import Receive


class ClientLeft(Exception):
    """The client went away before its body ended."""


class Body:
    """Reads ASGI messages. ``answered`` is set when the last of the answer goes out."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._first = b""
        self._more = False
        self._ended = asyncio.Event()
        self.answered = False

    async def begin(self) -> bool:
        """Whether there is a body at all; raises :class:`ClientLeft`."""
        self._first, self._more = await self._next()
        if not self._more:
            self._ended.set()
        return bool(self._first or self._more)

    @property
    def size(self) -> int | None:
        """Its length in bytes, where all of it is there already."""
        return None if self._more else len(self._first)

    async def parts(self) -> AsyncIterator[bytes]:
        """The bytes as they come; raises :class:`ClientLeft`."""
        if self._first:
            yield self._first
        while self._more:
            part, self._more = await self._next()
            if part:
                yield part
        self._ended.set()

    async def _next(self) -> tuple[bytes, bool]:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        return message.get("body", b""), message.get("more_body", False)

    async def left(self) -> None:
        """Returns when the client went away after its whole body came."""
        await self._ended.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
