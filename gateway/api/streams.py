"""Answers that go on: server-sent events and lines of JSON, which end when the gateway does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, TypeVar

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

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
        self.heartbeat = heartbeat
        self.closing = asyncio.Event()

    def close(self) -> None:
        """End every stream in good order, and every later one at once."""
        self.closing.set()

    async def begin(self, source: AsyncIterator[T], *, patience: float = 0.0) -> Beats[T]:
        """The source as a stream that listens already when this returns.

        An error that the source raises within ``patience`` seconds is raised here, where it
        can still become a proper answer.
        """
        beats = Beats(source, self)
        await beats.settle(patience)
        return beats


class Beats(Generic[T]):
    """Items of a source, with None for each heartbeat of silence; ends at :meth:`Streams.close`."""

    def __init__(self, source: AsyncIterator[T], streams: Streams) -> None:
        self._source = source
        self._streams = streams
        self._upcoming: asyncio.Future[Any] = asyncio.ensure_future(_next(source))
        self._closing: asyncio.Future[Any] = asyncio.ensure_future(streams.closing.wait())

    async def settle(self, patience: float) -> None:
        try:
            await asyncio.wait({self._upcoming}, timeout=patience)
            error = self._upcoming.exception() if self._upcoming.done() else None
            if error is not None and not isinstance(error, StopAsyncIteration):
                raise error
        except BaseException:
            await self.aclose()
            raise

    def __aiter__(self) -> Beats[T]:
        return self

    async def __anext__(self) -> T | None:
        done, _ = await asyncio.wait(
            {self._closing, self._upcoming},
            timeout=self._streams.heartbeat,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if self._closing in done:
            raise StopAsyncIteration
        if self._upcoming not in done:
            return None
        item: T = self._upcoming.result()
        self._upcoming = asyncio.ensure_future(_next(self._source))
        return item

    async def aclose(self) -> None:
        """Let go of the source. Done by :func:`stream`, however the answer ends."""
        self._closing.cancel()
        self._upcoming.cancel()
        await asyncio.gather(self._upcoming, self._closing, return_exceptions=True)
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()


class _Stream(StreamingResponse):
    """Closes its source even where the client left before the first byte."""

    def __init__(self, content: AsyncIterator[bytes], beats: Beats[Any], media_type: str) -> None:
        # Without the header, some proxies gather an answer before they pass it on.
        super().__init__(content, media_type=media_type, headers={"x-accel-buffering": "no"})
        self._beats = beats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._beats.aclose()


def stream(
    beats: Beats[T], write: Callable[[Beats[T]], AsyncIterator[bytes]], media_type: str
) -> StreamingResponse:
    """The streamed answer in which ``write`` spells out the items."""
    return _Stream(write(beats), beats, media_type)


def event(data: str, *, type_: str = "", id_: int | None = None) -> bytes:
    """One server-sent event; ``data`` has no line break, as JSON has none."""
    lines = [f"id: {id_}"] if id_ is not None else []
    if type_:
        lines.append(f"event: {type_}")
    return "\n".join([*lines, f"data: {data}", "", ""]).encode()


def comment(text: str) -> bytes:
    return f": {text}\n\n".encode()


async def _next(source: AsyncIterator[T]) -> T:
    return await anext(source)
