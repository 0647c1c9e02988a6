"""One native call on its way: how it is answered, and the client's side of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from plugway.plugin.v1.plugin_pb2 import HandleRequest

from gateway.errors import PlugwayError
from gateway.model import Access
from gateway.proxy.body import ClientLeft
from gateway.proxy.call import Call
from gateway.proxy.head import Head
from gateway.proxy.headers import Pairs
from gateway.proxy.http2.stream import HEAD_ONLY
from gateway.proxy.prepared import PreparedRoute, PreparedTarget
from gateway.proxy.rpc.fields import status_of
from gateway.proxy.rpc.services import access, exports
from gateway.proxy.rpc.status import DeadlinePassed, counted_as, trailers_of
from gateway.proxy.wire.duplex_stream import DuplexStream

_HELD = 256 * 1024
"""Bytes of a request that are kept for another instance, until one has taken the call."""


class RpcCall(Call):
    """``status`` counts it as HTTP would. ``deadline`` is the client's, in the loop's time.

    ``single`` says that its client sends one message and no more, ``lasts`` that its answer is a stream,
    as far as is known.
    """

    __slots__ = ("begun", "deadline", "lasts", "over", "path", "request", "service", "single")

    def __init__(
        self,
        route: PreparedRoute,
        target: PreparedTarget,
        message: HandleRequest,
        head: Head,
        receive: Any,
        send: Any,
    ) -> None:
        super().__init__(route, target, message, head, "POST", receive, send)
        self.path: bytes = message.request.path
        self.service = self.path[1:].partition(b"/")[0].decode()
        self.deadline: float | None = None
        api = target.typed.api if target.typed is not None else None
        streams = api.methods.get(self.path) if api is not None else None
        self.single = streams is not None and not streams[0]
        self.lasts = streams is not None and streams[1]
        # What a client may make up is counted as one.
        self.named = f"/{self.service}/*" if streams is None else self.path.decode()
        self.begun = self.over = False
        self.request = Request(self)

    def may_move(self, target: PreparedTarget) -> bool:
        same = access_of(target, self.path) is access_of(self.target, self.path)
        return same and exports(target, self.service)

    async def begin(self, head: Pairs) -> None:
        self.begun = True
        if self.lasts:
            self.stream = self.route.outlast()
        await self.begin_answer(200, head, trailers=True)

    async def end(self, trailers: Pairs) -> None:
        self.over = True
        self.status = counted_as(status_of(trailers))
        await self.send({"type": "http.response.trailers", "headers": trailers})

    async def answer_at_once(self, fields: Pairs) -> None:
        """With a head that is all of the answer."""
        self.begun = self.over = True
        self.status = counted_as(status_of(fields))
        self.began = time.perf_counter()
        await send_at_once(self.send, fields)

    async def refuse(self, error: PlugwayError, *, close: bool = False) -> None:
        """There is a place for it also where an answer has begun."""
        if self.begun and not self.over:
            await self.end(trailers_of(error))
        elif not self.over:
            await self.answer_at_once(refusal(error, self.head.request_id))
        if isinstance(error, DeadlinePassed):
            # Counted as a client that left: it says nothing about the release.
            self.status = 499


def refusal(error: PlugwayError, request_id: str) -> Pairs:
    """An answer that is this error and nothing else."""
    return [
        (b"content-type", b"application/grpc"),
        (b"x-request-id", request_id.encode()),
        *trailers_of(error),
    ]


async def send_at_once(send: Any, fields: Pairs) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": fields, HEAD_ONLY: True})


def access_of(target: PreparedTarget, path: bytes) -> Access:
    """Who may call the method; its descriptors must have been read, where it has some."""
    api = target.typed.api if target.typed is not None else None
    return access(target.rules, path, api.bound.get(path, ()) if api is not None else ())


class Request:
    """What the client sends, passed to whoever takes the call; from its beginning where another has to.

    ``moved`` is when something of it went on last.
    """

    __slots__ = ("_call", "_held", "_held_bytes", "_loop", "_pump", "complete", "moved", "waits")

    def __init__(self, call: RpcCall) -> None:
        self._call = call
        self._held: list[bytes] | None = []
        self._held_bytes = 0
        self._pump: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self.moved = self._loop.time()
        self.complete = False
        # Whether the client is waited for, and not the plugin.
        self.waits = False

    @property
    def repeatable(self) -> bool:
        """Whether all of it that was sent can be sent once more."""
        return self._held is not None

    async def next(self) -> bytes:
        """The next part; raises :class:`ClientLeft`."""
        self.waits = True
        message = await self._call.receive()
        self.waits = False
        if message["type"] == "http.disconnect":
            raise ClientLeft
        part: bytes = message.get("body", b"")
        self.complete = not message.get("more_body", False)
        self.moved = self._loop.time()
        if self._held is not None:
            self._held_bytes += len(part)
            self._held.append(part)
            if self._held_bytes > _HELD:
                self._held = None
        return part

    async def pass_to(self, stream: DuplexStream) -> None:
        """All that came, and what comes from now on."""
        stopped = await self._stop()
        # It was just begun, or is repeatable.
        before = b"".join(self._held or ())
        if not self.complete:
            self._pump = asyncio.create_task(self._pass_on(before, stream))
            return
        await stream.write(before, ends=True)
        if stopped:
            self._call.watch()

    async def _pass_on(self, before: bytes, stream: DuplexStream) -> None:
        try:
            if before:
                await stream.write(before)
            while not self.complete:
                part = await self.next()
                await stream.write(part, ends=self.complete)
                self.moved = self._loop.time()
            while (await self._call.receive())["type"] != "http.disconnect":
                pass
        except ClientLeft:
            pass
        # An answer that is over looks the same.
        if not self._call.over and self._call.task is not None:
            self._call.left = True
            self._call.task.cancel()

    def is_taken(self) -> None:
        """It has begun to be answered, so nobody else will have it."""
        self._held = None

    async def _stop(self) -> bool:
        """Whether it was being passed on."""
        pump, self._pump = self._pump, None
        if pump is None:
            return False
        pump.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pump
        return True

    def close(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
