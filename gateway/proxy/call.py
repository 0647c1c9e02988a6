"""One call on its way: what its parts share, and how it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from plugway.plugin.v1.http_pb2 import HttpHeader
from plugway.plugin.v1.plugin_pb2 import HandleRequest

from gateway.errors import PlugwayError
from gateway.proxy import unconfigured
from gateway.proxy.access_log import Line
from gateway.proxy.answer import clean_trailers
from gateway.proxy.compress import NONE, Encoder, agree
from gateway.proxy.head import Head
from gateway.proxy.headers import Pairs
from gateway.proxy.prepared import PreparedRoute, PreparedTarget
from gateway.proxy.problems import Problem
from gateway.proxy.tracing import Spans
from gateway.proxy.upstream import Upstream

_LEFT = 499
"""Nothing was answered, as the client had left."""


class Call:
    """One HTTP call. ``status`` is 0 until an answer has begun; ``began`` is when it did."""

    __slots__ = (
        "accept",
        "began",
        "broken",
        "failed",
        "head",
        "left",
        "message",
        "method",
        "named",
        "receive",
        "route",
        "send",
        "sent",
        "spans",
        "started",
        "status",
        "stream",
        "target",
        "task",
        "trailers",
        "upstream",
        "watcher",
    )

    def __init__(
        self,
        route: PreparedRoute,
        target: PreparedTarget,
        message: HandleRequest,
        head: Head,
        method: str,
        receive: Any,
        send: Any,
    ) -> None:
        self.route = route
        self.target = target
        self.message = message
        self.head = head
        self.method = method
        self.receive = receive
        self.send = send
        self.upstream: Upstream = target.least_busy()
        self.status = 0
        self.started = self.began = time.perf_counter()
        self.task: asyncio.Task[Any] | None = None
        self.watcher: asyncio.Task[None] | None = None
        self.left = False
        # Why the answer did not come to its end, and whether that was not the client's choice.
        self.broken = ""
        self.failed = False
        # What may be done to the answer: its Accept-Encoding, or empty.
        self.accept = b""
        self.spans: Spans | None = None
        # Bytes of the body that were passed on.
        self.sent = 0
        # Whether it is none of the calls at once any more.
        self.stream = False
        # The typed method that it is for.
        self.named = ""
        # Whether its client takes trailing fields.
        self.trailers = False

    @property
    def template(self) -> str:
        """The route it is for, as the plugin declared it."""
        return self.named or self.target.templates.find(self.message.request.path)

    def line(self) -> Line:
        """What the log says of it at its end."""
        context = self.message.request.context
        now = time.perf_counter()
        return Line(
            time.time() - (now - self.started), self.head.request_id, self.head.trace_id,
            self.route.route.plugin_id, self.target.target.release_id, self.template, self.method,
            unconfigured.told(self.status) or _LEFT, now - self.started, self.sent, context.user,
            unconfigured.WORDS if self.status == unconfigured.STATUS else self.broken,
        )  # fmt: skip

    def end_spans(self, spans: Spans) -> None:
        target = self.target.target
        spans.end(
            route=self.template, release=target.release_id, version=target.version,
            instance=self.upstream.instance_id, status=unconfigured.told(self.status), broken=self.broken,
        )  # fmt: skip

    def may_move(self, target: PreparedTarget) -> bool:
        """Whether another release would take it by the same rules, where its path does not say all."""
        return True

    def move(self, target: PreparedTarget, upstream: Upstream) -> None:
        """Another one takes it, and counts it as running."""
        self.upstream.release()
        self.target.counts.active -= 1
        self.target, self.upstream = target, upstream
        target.counts.active += 1
        upstream.active += 1

    async def begin_answer(self, status: int, headers: Pairs, *, trailers: bool = False) -> None:
        """``trailers`` says that :meth:`end_answer` follows the body."""
        self.status = status
        self.began = time.perf_counter()
        coding = agree(self.accept, status, headers, self.message.request.headers) if self.accept else NONE
        message = {"type": "http.response.start", "status": status, "headers": headers}
        if trailers:
            message["trailers"] = True
        await self.send(message)
        if coding and self.method != "HEAD":
            self.send = Encoder(self.send, coding)

    async def send_part(self, message: Any) -> None:
        """A part of the body."""
        self.sent += len(message["body"])
        await self.send(message)

    def outlast(self, headers: Pairs) -> None:
        """It has begun to answer with these; where it is an event stream, it is one call less."""
        if not self.stream and any(
            name == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers
        ):
            self.stream = self.route.outlast()

    async def end_answer(self, trailers: Iterable[HttpHeader]) -> None:
        await self.send({"type": "http.response.trailers", "headers": clean_trailers(trailers)})

    async def refuse(self, error: PlugwayError, *, close: bool = False) -> None:
        """Answer with a problem; where an answer has begun, it is left unfinished instead."""
        if self.status:
            return
        self.status = error.status
        self.began = time.perf_counter()
        await Problem(error, close=close).send(self.send, self.head.request_id.encode())

    def watch(self) -> None:
        """Cancel the call's task as soon as its client is gone. The request body must have been read."""
        if self.watcher is None:
            self.watcher = asyncio.create_task(self._until_client_leaves())

    async def _until_client_leaves(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass
        if self.task is not None:
            self.left = True
            self.task.cancel()
