"""Answers read while they are made."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator, Callable

from plugway_sdk.testing.answers import Headers, ServerSentEvent


class StreamedAnswer:
    """Head of an answer, and its body as it comes. Read it once, in one way."""

    def __init__(self, status: int, headers: Headers, parts: Callable[[], AsyncIterator[bytes]]) -> None:
        self.status_code = status
        self.headers = headers
        self.trailers = Headers(())
        self.streamed = False
        self._parts = parts

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        return self._parts()

    async def aread(self) -> bytes:
        return b"".join([part async for part in self._parts()])

    async def aiter_text(self) -> AsyncIterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        async for part in self._parts():
            yield decoder.decode(part)

    async def aiter_lines(self) -> AsyncIterator[str]:
        rest = ""
        async for text in self.aiter_text():
            *lines, rest = (rest + text).split("\n")
            for line in lines:
                yield line.removesuffix("\r")
        if rest:
            yield rest

    async def aiter_events(self) -> AsyncIterator[ServerSentEvent]:
        """Server-sent events; comments are left out."""
        fields: dict[str, list[str]] = {}
        async for line in self.aiter_lines():
            name, _, value = line.partition(":")
            if name:
                fields.setdefault(name, []).append(value.removeprefix(" "))
            elif not line and fields:
                yield _event(fields)
                fields = {}


def _event(fields: dict[str, list[str]]) -> ServerSentEvent:
    retry = fields.get("retry")
    return ServerSentEvent(
        event=fields.get("event", ["message"])[-1],
        data="\n".join(fields.get("data", [])),
        id=fields.get("id", [""])[-1],
        retry=int(retry[-1]) if retry else None,
    )
