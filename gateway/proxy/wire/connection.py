"""One HTTP/2 connection that carries unary gRPC calls (RFC 9113, gRPC over HTTP/2)."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.proxy.failures import CallFailed, Failure, from_status, refused
from gateway.proxy.wire.frames import (
    END_STREAM,
    MAX_ANSWER,
    PADDED,
    PREFACE,
    UINT,
    fields_of,
    timeout_field,
    without_padding,
)
from gateway.proxy.wire.hpack import Fields
from gateway.proxy.wire.session import Session

_DEADLINE_EXCEEDED = b"4"

Whole = tuple[bytes, bytes, bytes, bytes]
"""An answer with all that came with it: gRPC status, message, first and last header block."""


class _Stream:
    __slots__ = ("answer", "begun", "deadline", "head", "parts", "size", "whole")

    def __init__(self, answer: asyncio.Future[Any], deadline: float, *, whole: bool) -> None:
        self.answer = answer
        self.deadline = deadline
        self.whole = whole
        self.head = b""
        self.parts: list[bytes] = []
        self.size = 0
        self.begun = False

    def fail(self, failed: CallFailed) -> None:
        if not self.answer.done():
            self.answer.set_exception(failed)

    def timed_out(self) -> CallFailed:
        return CallFailed(Failure.TIMED_OUT, "did not answer within its time")


class Connection(Session[_Stream]):
    """Calls on one connection, most of them of one method."""

    def __init__(
        self, path: bytes, authority: bytes, scheme: bytes, *, pings: bool, plugin: bytes = b""
    ) -> None:
        super().__init__(authority, scheme, pings=pings, plugin=plugin, preface=PREFACE)
        self._heads: dict[bytes, bytes] = {}
        self._head = self._head_of(path)

    async def call(self, message: bytes, within: float) -> bytes:
        """Send a message that fits; returns the answer's message, raises :class:`CallFailed`."""
        stream_id, answer = self._send(message, within, self._head, whole=False)
        try:
            return await answer  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            self._reset(stream_id)
            raise

    async def ask(self, path: bytes, metadata: bytes, message: bytes, within: float) -> Whole:
        """The same for any method, with more header fields; a status of the plugin's own is an answer."""
        head = self._heads.get(path) or self._heads.setdefault(path, self._head_of(path))
        stream_id, answer = self._send(message, within, head + metadata, whole=True)
        try:
            return await answer  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            self._reset(stream_id)
            raise

    def _send(
        self, message: bytes, within: float, head: bytes, *, whole: bool
    ) -> tuple[int, asyncio.Future[Any]]:
        answer: asyncio.Future[Any] = self._loop.create_future()
        deadline = self._loop.time() + within
        stream = _Stream(answer, deadline, whole=whole)
        self._watch(deadline)
        return self._begin(stream, head + timeout_field(within), message), answer

    # Frames

    def _on_data(self, stream_id: int, flags: int, payload: bytes) -> None:
        self._count(len(payload))
        stream = self._streams.get(stream_id)
        if stream is None:
            self._idle()
            return
        if flags & PADDED:
            payload = without_padding(PADDED, payload)
        if not payload and not flags & END_STREAM:
            self._idle()
            return
        stream.size += len(payload)
        if stream.size > MAX_ANSWER:
            stream.fail(CallFailed(Failure.GARBAGE, "sent an answer that is too long for one message"))
            self._reset(stream_id)
            return
        stream.parts.append(payload)
        if flags & END_STREAM:
            self._end(stream_id, CallFailed(Failure.GARBAGE, "ended the call without a status"))

    def _on_block(self, stream_id: int, flags: int, block: bytes) -> None:
        stream = self._streams.get(stream_id)
        if stream is None or (stream.begun and not flags & END_STREAM):
            self._idle()
            return
        fields = fields_of(block)
        if not stream.begun:
            stream.begun = True
            stream.head = block
            if fields.status != b"200":
                self._end(stream_id, CallFailed(Failure.GARBAGE, "does not speak gRPC"))
                return
        if flags & END_STREAM:
            self._finish(stream_id, stream, fields, block)

    def _finish(self, stream_id: int, stream: _Stream, fields: Fields, block: bytes) -> None:
        self._idle_frames = 0
        status = fields.grpc_status
        if status != b"0":
            late = status == _DEADLINE_EXCEEDED and self._loop.time() >= stream.deadline
            if stream.whole and status and not fields.refused and not late:
                self._answer(stream_id, stream, (status, b"", stream.head, block))
            else:
                self._end(stream_id, refused() if fields.refused else from_status(status))
            return
        parts = stream.parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        if len(data) < 5 or data[0] or len(data) - 5 != UINT.unpack_from(data, 1)[0]:
            self._end(stream_id, CallFailed(Failure.GARBAGE, "answered with something else than one message"))
            return
        message = data[5:]
        self._answer(stream_id, stream, (status, message, stream.head, block) if stream.whole else message)

    def _answer(self, stream_id: int, stream: _Stream, answer: bytes | Whole) -> None:
        del self._streams[stream_id]
        if not stream.answer.done():
            stream.answer.set_result(answer)
        if not self.usable and not self._streams:
            self.close()
