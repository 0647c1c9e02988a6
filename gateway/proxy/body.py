"""Request bodies: read up to what fits into one message, held to limits while they come."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.call_limits import Limits
from gateway.proxy.problems import BodyTooLarge, BodyTooSlow


class ClientLeft(Exception):
    """The client closed the connection; nobody is there to answer."""


class Body:
    """One request body. Sizes in bytes, times in seconds.

    ``pause`` bounds the silence between two parts, on either side: a client that sends a
    byte an hour holds no call.
    """

    __slots__ = ("_limits", "_plugin", "_receive", "complete", "pause", "received")

    def __init__(self, receive: Any, limits: Limits, plugin: str) -> None:
        self._receive = receive
        self._limits = limits
        self._plugin = plugin
        self.pause = limits.body_idle
        self.received = 0
        self.complete = False

    async def next(self) -> bytes:
        """The next part; raises ClientLeft, :class:`BodyTooLarge`, :class:`BodyTooSlow`."""
        try:
            async with asyncio.timeout(self.pause):
                message = await self._receive()
        except TimeoutError:
            raise BodyTooSlow(
                f"Nothing of the request body came for {self.pause:g} seconds.", plugin=self._plugin
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientLeft
        part: bytes = message.get("body", b"")
        self.received += len(part)
        self.complete = not message.get("more_body", False)
        if self.received > self._limits.max_body:
            raise self.too_large()
        return part

    async def begin(self, up_to: int, within: float) -> bytes:
        """Read until the end or until more than ``up_to`` bytes are here; see ``complete``."""
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(within):
                while not self.complete and self.received <= up_to:
                    parts.append(await self.next())
        except TimeoutError:
            raise BodyTooSlow(
                f"The request body did not come within {within:g} seconds.", plugin=self._plugin
            ) from None
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def client_left(self) -> None:
        """Wait, after the end of the body, until the client is gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def too_large(self) -> BodyTooLarge:
        return BodyTooLarge(
            f"A request to {self._plugin} may have a body of {self._limits.max_body} bytes at most.",
            plugin=self._plugin,
        )
