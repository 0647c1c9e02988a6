"""Answers that go on after their beginning: passed on part by part, as fast as the client takes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import Any

import grpc
from plugway.plugin.v1.http_pb2 import HttpHeader
from plugway.plugin.v1.plugin_pb2 import HandleResponse, ReadBodyRequest, ReadBodyResponse

from gateway.proxy.failures import CallFailed, Failure, from_rpc_error
from gateway.proxy.upstream import Upstream

_DISCARD_WITHIN = 10.0
"""Seconds a plugin has for hearing that nobody wants the rest of an answer."""

_discarding: set[asyncio.Task[None]] = set()


class BrokenOff(Exception):
    """The answer ended before its end; the client must see that it did."""


class Rest:
    """The body of an answer that goes on. It must be closed, read or not: the plugin waits for either."""

    def __init__(self, upstream: Upstream, answer: HandleResponse) -> None:
        self._upstream = upstream
        self._answer = answer
        self._call: Any = None
        self._begun = False
        self.trailers: Iterable[HttpHeader] = ()

    async def parts(self, idle: float) -> AsyncGenerator[bytes, None]:
        """One part is held at a time; ``idle`` seconds of silence end it."""
        request = ReadBodyRequest(continuation=self._answer.continuation)
        self._call = self._upstream.stub.ReadBody(request)
        try:
            if self._answer.body:
                yield self._answer.body
            while True:
                async with asyncio.timeout(idle):
                    part = await self._call.read()
                self._begun = True
                if not isinstance(part, ReadBodyResponse):  # grpc.aio.EOF
                    return
                if part.chunk:
                    yield part.chunk
                if part.trailers:
                    self.trailers = part.trailers
        except TimeoutError:
            raise CallFailed(Failure.TIMED_OUT, f"was silent for {idle:g} seconds") from None
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None

    def close(self) -> None:
        """End what is not at its end, so that the plugin hears of it."""
        if self._call is not None:
            self._call.cancel()
        if not self._begun:
            # A call that is cancelled before the plugin took it up never reaches the plugin,
            # which would go on producing until the continuation expires.
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
    # Counted as a call, so that a retired connection stays open for it.
    upstream.active += 1
    call = upstream.stub.ReadBody(
        ReadBodyRequest(continuation=continuation, discard=True), timeout=_DISCARD_WITHIN
    )
    try:
        # The end, as a rule. A part comes from a plugin that does not know the field.
        await call.read()
    except grpc.RpcError:
        # It was being read after all, and that was cancelled; or the plugin is gone.
        pass
    finally:
        call.cancel()
        upstream.release()
