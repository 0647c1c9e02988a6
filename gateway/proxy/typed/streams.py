"""Calls that stream: messages of the plugin as lines, events or one array, each sent as it comes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc import aio
from plugway.plugin.v1.http_pb2 import HttpRequest

from gateway.errors import PlugwayError
from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.headers import Pairs
from gateway.proxy.typed.binding import Binding
from gateway.proxy.typed.metadata import Metadata
from gateway.proxy.typed.reply import Reply, from_error, pairs_of


@dataclass(frozen=True, slots=True)
class Form:
    """How messages are set apart. ``error`` is put around the problem that ends a stream."""

    media_type: str
    before: bytes
    after: bytes
    begin: bytes = b""
    between: bytes = b""
    end: bytes = b""
    error: tuple[bytes, bytes] = (b"", b"")
    is_live: bool = False


LINES = Form("application/x-ndjson", b"", b"\n", error=(b'{"error":', b"}\n"))
EVENTS = Form("text/event-stream", b"data: ", b"\n\n", error=(b"event: error\ndata: ", b"\n\n"), is_live=True)
ARRAY = Form("application/json", b"", b"", begin=b"[", between=b",", end=b"]")
_RAW = Form("", b"", b"")


def form_of(request: HttpRequest, binding: Binding) -> Form:
    """By ``Accept``: events or an array where the client names them, else lines."""
    if binding.raw:
        return _RAW
    accepted = b",".join(header.value for header in request.headers if header.name == b"accept").lower()
    kinds = [part.partition(b";")[0].strip() for part in accepted.split(b",")]
    for kind in kinds:
        if kind == b"text/event-stream":
            return EVENTS
        if kind in (b"application/x-ndjson", b"application/jsonl"):
            return LINES
        if kind == b"application/json":
            return ARRAY
    return LINES


class Messages:
    """One streaming call. ``status`` and ``head`` are known after :meth:`begin`; it must be closed."""

    def __init__(self, channel: aio.Channel, binding: Binding, sent: list[bytes], metadata: Metadata) -> None:
        self._binding = binding
        self._call = _start(channel, binding, sent, metadata)
        self._first: bytes | None = None
        self._failed: Reply | None = None
        self.head: Pairs = []

    @property
    def status(self) -> int:
        """gRPC's number; 0 while nothing has gone wrong."""
        return self._failed.status if self._failed else 0

    async def begin(self, within: float) -> None:
        """Wait for the first message, or the end; raises :class:`CallFailed`."""
        try:
            async with asyncio.timeout(within):
                self._first = await self._next()
                self.head = pairs_of(await self._call.initial_metadata())
        except TimeoutError:
            self.close()
            raise CallFailed(Failure.TIMED_OUT, "did not answer within its time") from None
        except asyncio.CancelledError:
            self.close()
            raise

    async def _next(self) -> bytes | None:
        """The next message; None at the end, good or bad."""
        try:
            if not self._binding.server_streaming:
                return bytes(await self._call)
            message = await self._call.read()
        except grpc.aio.AioRpcError as error:
            self._failed = from_error(error)
            return None
        return None if message is aio.EOF else bytes(message)

    def reply(self) -> Reply:
        """The answer of a call that does not stream back, or the status that came in its place."""
        return self._failed or Reply(0, self._first or b"", self.head)

    def first_kind(self) -> str:
        """The media type that the first message of a raw stream names."""
        return self._shown(self._first)[1] if self._first is not None else "application/octet-stream"

    def _shown(self, message: bytes) -> tuple[bytes, str]:
        try:
            return self._binding.answer(message)
        except (DecodeError, ValueError, RecursionError):
            raise CallFailed(Failure.GARBAGE, "sent something else than its service's messages") from None

    async def parts(
        self, form: Form, idle: float, problem: Callable[[Reply], PlugwayError]
    ) -> AsyncGenerator[bytes, None]:
        """The body. Where the plugin fails, the problem is its last part and :class:`CallFailed` follows."""
        lead, message = form.begin, self._first
        while message is not None:
            yield b"".join((lead, form.before, self._shown(message)[0], form.after))
            lead = form.between
            try:
                async with asyncio.timeout(idle):
                    message = await self._next()
            except TimeoutError:
                raise CallFailed(Failure.TIMED_OUT, f"was silent for {idle:g} seconds") from None
        if self._failed is not None:
            before, after = form.error
            if before:
                yield before + json.dumps(problem(self._failed).problem()).encode() + after
            raise CallFailed(Failure.LOST, "ended its stream with an error")
        if form.end:
            yield form.begin + form.end if lead is form.begin else form.end

    def close(self) -> None:
        self._call.cancel()


def _start(channel: aio.Channel, binding: Binding, sent: list[bytes], metadata: Metadata) -> Any:
    if not binding.client_streaming:
        stream: Any = channel.unary_stream(binding.path)
        return stream(sent[0], metadata=metadata)

    async def requests() -> AsyncGenerator[bytes, None]:
        for message in sent:
            yield message

    open_: Any = channel.stream_stream if binding.server_streaming else channel.stream_unary
    return open_(binding.path)(requests(), metadata=metadata)
