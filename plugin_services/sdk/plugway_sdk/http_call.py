"""One HTTP call: the ASGI conversation of an app, and what of its answer is ready.

The app runs as a task of its own, so that an answer which goes on can be handed over in
parts while it is made. ``ready`` resolves when the answer is complete, or when what
there is should travel now and the rest be read later.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Iterable

from plugway.plugin.v1 import http_pb2

from plugway_sdk.app_host import AppHost
from plugway_sdk.body import RequestBody
from plugway_sdk.change import Signal
from plugway_sdk.context import current_message
from plugway_sdk.frames import ClientGone
from plugway_sdk.plugin import Message
from plugway_sdk.problems import internal_error
from plugway_sdk.scope import http_scope

log = logging.getLogger("plugway_sdk.call")

_LOST_QUIETLY = 16

RawHeaders = Iterable[tuple[bytes, bytes]]


class AnswerBroken(Exception):
    """The app failed after its answer had begun."""


class HttpCall:
    """See the module. Constructing starts nothing; :meth:`start` does. Raises BadHead."""

    __slots__ = (
        "_app_over", "_begun", "_body", "_broken", "_buffered", "_delivered", "_gone", "_host", "_left_at",
        "_loop", "_lost", "_message", "_parts", "_promises_trailers", "_reader", "_room", "_scope", "_since",
        "_task", "_timer", "_whole", "complete", "headers", "is_stream", "ready", "status", "trailers",
    )  # fmt: skip

    def __init__(
        self, host: AppHost, request: http_pb2.HttpRequest, body: RequestBody, *, whole: bool
    ) -> None:
        self._scope = http_scope(request, host.state)
        self._host = host
        self._message = request.context
        self._body = body
        # Whether a short answer is waited for, to travel in one message with its head.
        self._whole = whole
        self._loop = host.loop
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self.status = 0
        self.headers: RawHeaders = ()
        self.trailers: RawHeaders = ()
        self.complete = False
        self.is_stream = False
        self._parts: deque[bytes] = deque()
        self._buffered = 0
        self._left_at = 0.0
        self._lost = 0
        self._begun = self._gone = self._broken = False
        self._app_over = self._delivered = self._promises_trailers = False
        self._reader = Signal()
        self._room = Signal()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._since = time.perf_counter()

    def start(self) -> None:
        self._host.calls.enter(self)
        self._task = self._loop.create_task(self._run())

    # The app's side.

    async def _run(self) -> None:
        current_message.set(self._message)
        try:
            await self._host.app(self._scope, self._receive, self._send)
        except asyncio.CancelledError:
            self._broken = True
        except Exception:
            # The app is someone else's code: whatever it raises ends this call and no other.
            if not self._gone:
                log.exception("the app failed on %s %s", self._scope["method"], self._scope["path"])
        finally:
            self._app_ended()

    async def _receive(self) -> Message:
        if not self._gone and not self._body.taken:
            message = await self._body.next()
            if message is not None:
                return message
        while not self._gone and not self.complete:
            await self._body.changed.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._gone:
            await self._send_into_void()
            return
        kind = message["type"]
        if kind == "http.response.body":
            if not self._begun or self.complete:
                raise RuntimeError("http.response.body before http.response.start, or after the end")
            if message.get("more_body", False):
                await self._take_part(message.get("body", b""))
            else:
                self._take_last(message.get("body", b""))
        elif kind == "http.response.start":
            self._take_start(message)
        elif kind == "http.response.trailers":
            self.trailers = [*self.trailers, *message["headers"]]
            if not message.get("more_trailers", False):
                self._promises_trailers = False
                self._take_last(b"")
        else:
            raise RuntimeError(f"unexpected ASGI message {kind!r}")

    async def _send_into_void(self) -> None:
        """Nobody reads. An app that listens is cancelled, and that should find a generator in an
        await of its own: cancelled at its ``yield`` it would not run its ``finally``. So the first
        sends return without any; who does not listen is stopped a while later."""
        self._lost += 1
        if self._lost < _LOST_QUIETLY:
            return
        await asyncio.sleep(0)
        if self._loop.time() > self._left_at + self._host.timing.after_leaving:
            raise ClientGone("the client has gone")

    def _take_start(self, message: Message) -> None:
        if self._begun:
            raise RuntimeError("http.response.start was sent twice")
        self._begun = True
        self.status = message["status"]
        self.headers = headers = [(bytes(name).lower(), bytes(value)) for name, value in message["headers"]]
        self._promises_trailers = message.get("trailers", False)
        sized = False
        for name, value in headers:
            if name == b"content-length":
                sized = True
            elif name == b"content-type" and value[:17].lower() == b"text/event-stream":
                self.is_stream = True
        if not self._whole or self.is_stream:
            self._hand_over()
        elif not sized:
            self._timer = self._loop.call_later(self._host.timing.patience, self._hand_over)
        if self.is_stream and self._host.calls.draining:
            self.give_notice()

    async def _take_part(self, part: bytes) -> None:
        if part:
            self._parts.append(bytes(part))
            self._buffered += len(part)
            self._reader.notify()
        timing = self._host.timing
        if not self.ready.done():
            if self._buffered >= timing.unary_bytes:
                self._hand_over()
            elif self._timer is None:
                self._timer = self._loop.call_later(self._patience(), self._hand_over)
        while self.ready.done() and self._buffered >= timing.window and not self._gone:
            await self._room.wait()

    def _take_last(self, part: bytes) -> None:
        if part:
            self._parts.append(bytes(part))
            self._buffered += len(part)
        if self._promises_trailers:
            self._reader.notify()
            return
        self.complete = True
        self._hand_over()
        self._reader.notify()
        self._body.changed.notify()

    def _patience(self) -> float:
        timing = self._host.timing
        for name, value in self.headers:
            if name == b"content-length" and value.isdigit() and int(value) <= timing.unary_bytes:
                return timing.patience_sized
        return timing.patience

    def _hand_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.ready.done():
            self.ready.set_result(None)

    def _app_ended(self) -> None:
        self._app_over = True
        if not self._begun and not self._gone:
            self.status, self.headers, body = internal_error(self._message.request_id)
            self._begun = True
            self._promises_trailers = False
            self._take_last(body)
        elif not self.complete:
            self._broken |= not self._gone
            self._hand_over()
            self._reader.notify()
        if not self.is_stream:
            self._host.stats.observe(self.status, time.perf_counter() - self._since)
        if self._delivered:
            self._host.calls.leave(self)

    # The reader's side.

    def take_ready(self, limit: int) -> tuple[bytes, bool]:
        """At most ``limit`` bytes of what is there, and whether that is the end. Raises AnswerBroken."""
        parts = self._parts
        data = parts.popleft() if len(parts) == 1 and self._buffered <= limit else self._gather(limit)
        self._buffered -= len(data)
        self._room.notify()
        if parts:
            return data, False
        if (self._broken or self._gone) and not data and not self.complete:
            raise AnswerBroken(
                f"the app failed while answering {self._scope['method']} {self._scope['path']}"
            )
        return data, self.complete

    def _gather(self, limit: int) -> bytes:
        taken, size = [], 0
        while self._parts and size < limit:
            part = self._parts.popleft()
            if size + len(part) > limit:
                part, rest = part[: limit - size], part[limit - size :]
                self._parts.appendleft(rest)
            taken.append(part)
            size += len(part)
        return b"".join(taken)

    async def next_part(self, limit: int) -> tuple[bytes, bool]:
        """Wait for the next bytes; an empty part comes only with the end. Raises AnswerBroken."""
        while not (self._parts or self.complete or self._broken or self._gone):
            await self._reader.wait()
        return self.take_ready(limit)

    # How it ends.

    def delivered(self) -> None:
        """Nothing of the answer is left to read; the app may still be busy with what follows it."""
        self._delivered = True
        if not self.complete:
            self.disconnect()
        if self._app_over:
            self._host.calls.leave(self)

    def disconnect(self) -> None:
        """The client is gone: the app is told, and what it still sends is refused."""
        self._gone = True
        self._left_at = self._loop.time()
        self._delivered = True
        self._parts.clear()
        self._buffered = 0
        self._hand_over()
        self._reader.notify()
        self._room.notify()
        self._body.changed.notify()
        if self._app_over:
            self._host.calls.leave(self)

    def give_notice(self) -> None:
        """End an event stream in good order: clients come back by themselves, not all at once."""
        if self.complete or self._gone:
            return
        if not self._parts or self._parts[-1].endswith(b"\n\n"):
            self._parts.append(b"retry: %d\n\n" % random.randint(500, 1500))  # noqa: S311 - spreads load
        self.complete = True
        self._gone = True
        self._left_at = self._loop.time()
        self._hand_over()
        self._reader.notify()
        self._room.notify()
        self._body.changed.notify()

    def cut(self) -> None:
        self.disconnect()
        self._broken = True
        self._reader.notify()
        if self._task is not None and not self._app_over:
            self._task.cancel()
