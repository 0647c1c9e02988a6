"""Answers that go on: server-sent events and lines of JSON, which end when the gateway does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeVar

from starlette.responses import StreamingResponse

T = TypeVar("T")

HEARTBEAT_SECONDS = 15.0
"""Proxies cut silent connections, often after 30 or 60 s."""

EVENT_STREAM = "text/event-stream"
NDJSON = "application/x-ndjson"


RETRY = b"retry: 2000\n\n"
"""How long an event source waits before it connects anew, in ms."""


class Streams:
    """All open streams of one gateway. :meth:`close` ends them, so that a server can stop."""

    def __init__(self, heartbeat: float = HEARTBEAT_SECONDS) -> None:
        self._heartbeat = heartbeat
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End every stream in good order, and every later one at once."""
        self._closing.set()

    async def beat(self, source: AsyncIterator[T]) -> AsyncIterator[T | None]:
        """The items of ``source``, with None once it listens and for each heartbeat of silence.

        Ends at :meth:`close`.
        """
        closing: asyncio.Future[Any] = asyncio.ensure_future(self._closing.wait())
        upcoming: asyncio.Future[Any] | None = asyncio.ensure_future(_next(source))
        try:
            await asyncio.sleep(0)
            yield None
            while True:
                upcoming = upcoming or asyncio.ensure_future(_next(source))
                done, _ = await asyncio.wait(
                    {closing, upcoming}, timeout=self._heartbeat, return_when=asyncio.FIRST_COMPLETED
                )
                if closing in done:
                    return
                if upcoming not in done:
                    yield None
                    continue
                try:
                    item = upcoming.result()
                except StopAsyncIteration:
                    return
                upcoming = None
                yield item
        finally:
            closing.cancel()
            if upcoming is not None:
                upcoming.cancel()
                await asyncio.gather(upcoming, return_exceptions=True)
            await _close(source)


def event(data: str, *, type_: str = "", id_: int | None = None) -> bytes:
    """One server-sent event; ``data`` has no line break, as JSON has none."""
    lines = [f"id: {id_}"] if id_ is not None else []
    if type_:
        lines.append(f"event: {type_}")
    return "\n".join([*lines, f"data: {data}", "", ""]).encode()


def comment(text: str) -> bytes:
    return f": {text}\n\n".encode()


def stream(content: AsyncIterator[bytes], media_type: str) -> StreamingResponse:
    """A streamed answer that no proxy in front should gather first."""
    return StreamingResponse(content, media_type=media_type, headers={"x-accel-buffering": "no"})


async def _next(source: AsyncIterator[T]) -> T:
    return await anext(source)


async def _close(source: AsyncIterator[T]) -> None:
    close = getattr(source, "aclose", None)
    if close is not None:
        await close()
