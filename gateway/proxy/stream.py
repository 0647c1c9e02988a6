"""Answers that go on after their beginning: passed on part by part, as fast as the client takes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import Any

from plugway.plugin.v1.http_pb2 import HttpHeader
from plugway.plugin.v1.plugin_pb2 import HandleResponse, ReadBodyRequest

from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.upstream import Upstream
from gateway.proxy.wire.bodies import BodyStream

_DISCARD_WITHIN = 10.0
"""Seconds a plugin has for hearing that nobody wants the rest of an answer."""

_discarding: set[asyncio.Task[None]] = set()


class BrokenOff(Exception):
    """The answer ended before its end; the client must see that it did."""


class Rest:
    """The body of an answer that goes on. It must be closed, read or not: the plugin waits for either."""

    __slots__ = ("_answer", "_begun", "_stream", "_upstream", "trailers")

    def __init__(self, upstream: Upstream, answer: HandleResponse) -> None:
        self._upstream = upstream
        self._answer = answer
        self._stream: BodyStream | None = None
        self._begun = False
        self.trailers: Iterable[HttpHeader] = ()

    async def parts(self, idle: float) -> AsyncGenerator[bytes, None]:
        """One part is held at a time; ``idle`` seconds of silence end it."""
        stream, again = await self._ask(), False
        if self._answer.body:
            yield self._answer.body
        while True:
            try:
                part = await stream.read(idle)
            except CallFailed as failed:
                if self._begun or again or failed.failure is not Failure.REFUSED:
                    raise
                # Certain not to have been taken up, as by a connection that was about to close.
                stream, again = await self._ask(), True
                continue
            self._begun = True
            if part is None:
                self.trailers = stream.trailers
                return
            yield part

    async def _ask(self) -> BodyStream:
        request = ReadBodyRequest(continuation=self._answer.continuation)
        self._stream = await self._upstream.read_body(request)
        return self._stream

    def close(self) -> None:
        """End what is not at its end, so that the plugin hears of it."""
        if self._stream is not None:
            self._stream.close()
        if not self._begun:
            # A call that is cancelled before the plugin took it up never reaches the plugin,
            # which would go on producing until the continuation expires.
            # Counted as a call, so that a retired connection stays open for it.
            self._upstream.active += 1
            task = asyncio.create_task(_discard(self._upstream, self._answer.continuation))
            _discarding.add(task)
            task.add_done_callback(_discarding.discard)


async def send_parts(send: Any, parts: AsyncIterator[bytes], declared: int | None, idle: float) -> int:
    """Send the parts of a body whose head is sent; returns the number of bytes.

    Raises :class:`BrokenOff` where the plugin, its length or the client's pace ends it too
    early. A client that takes nothing for ``idle`` seconds is given up.
    """
    sent = 0
    try:
        async for part in parts:
            sent += len(part)
            if declared is not None and sent > declared:
                raise BrokenOff(f"more than the declared {declared} bytes")
            async with asyncio.timeout(idle):
                await send({"type": "http.response.body", "body": part, "more_body": True})
    except CallFailed as error:
        raise BrokenOff(error.words) from error
    except TimeoutError:
        raise BrokenOff(f"the client took nothing for {idle:g} seconds") from None
    if declared is not None and sent != declared:
        raise BrokenOff(f"{sent} bytes of the declared {declared}")
    await send({"type": "http.response.body", "body": b""})
    return sent


async def _discard(upstream: Upstream, continuation: str) -> None:
    """Releases the upstream at its end."""
    stream: BodyStream | None = None
    try:
        request = ReadBodyRequest(continuation=continuation, discard=True)
        stream = await upstream.read_body(request, _DISCARD_WITHIN)
        # The end, as a rule. A part comes from a plugin that does not know the field.
        await stream.read(_DISCARD_WITHIN)
    except CallFailed:
        # It was being read after all, and that was cancelled; or the plugin is gone.
        pass
    finally:
        if stream is not None:
            stream.close()
        upstream.release()
