"""Answers that go on after their beginning: passed on part by part, as fast as the client takes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import grpc
from plugway.plugin.v1.plugin_pb2 import HandleResponse, ReadBodyRequest, ReadBodyResponse

from gateway.proxy.failures import CallFailed, Failure, from_rpc_error
from gateway.proxy.upstream import Upstream

_SENT_AFTER = 0.2
"""Seconds after which a call has left the gateway."""


class BrokenOff(Exception):
    """The answer ended before its end; the client must see that it did."""


async def read_body(upstream: Upstream, answer: HandleResponse, idle: float) -> AsyncGenerator[bytes, None]:
    """The body of an answer that goes on. One part is held at a time; ``idle`` seconds of silence end it."""
    call = upstream.stub.ReadBody(ReadBodyRequest(continuation=answer.continuation))
    begun = False
    try:
        if answer.body:
            yield answer.body
        while True:
            async with asyncio.timeout(idle):
                part = await call.read()
            if not isinstance(part, ReadBodyResponse):  # grpc.aio.EOF
                return
            begun = True
            if part.chunk:
                yield part.chunk
    except TimeoutError:
        raise CallFailed(Failure.TIMED_OUT, f"was silent for {idle:g} seconds") from None
    except grpc.RpcError as error:
        raise from_rpc_error(error) from None
    finally:
        _cancel(call, begun)


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


def drop_body(upstream: Upstream, answer: HandleResponse) -> None:
    """Tell the plugin that nobody wants the rest."""
    _cancel(upstream.stub.ReadBody(ReadBodyRequest(continuation=answer.continuation)), False)


def _cancel(call: Any, begun: bool) -> None:
    """End a ReadBody, so that the plugin hears of it.

    grpc.aio sends a call some time after it was made; one that is cancelled before
    never reaches the plugin, which would go on producing until the continuation expires.
    """
    if begun or call.done():
        call.cancel()
    else:
        asyncio.get_running_loop().call_later(_SENT_AFTER, call.cancel)
