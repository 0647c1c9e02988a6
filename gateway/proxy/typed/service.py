"""Typed calls: HTTP and JSON towards the client, gRPC towards the plugin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from google.protobuf.message import DecodeError
from plugway.plugin.v1.http_pb2 import HttpResponse

from gateway.proxy.answer import complete_head, open_head
from gateway.proxy.body import Body
from gateway.proxy.call import Call
from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.headers import Pairs
from gateway.proxy.problems import BodyTooLarge
from gateway.proxy.running import RunningCalls
from gateway.proxy.stream import send_parts
from gateway.proxy.typed.api import TypedApi
from gateway.proxy.typed.binding import Binding
from gateway.proxy.typed.errors import StatusProblem, not_fitting, status_problem
from gateway.proxy.typed.match import values
from gateway.proxy.typed.metadata import answer_headers, outgoing
from gateway.proxy.typed.reply import Reply, ask
from gateway.proxy.typed.streams import Messages, form_of
from gateway.proxy.typed.values import BadValue

T = TypeVar("T")
Attempt = Callable[[Call, Callable[[Call], Awaitable[T]]], Awaitable[T]]
"""Tries a call, and again elsewhere where that is safe."""

MAX_MESSAGE = 4 * 2**20
"""Longest body of a typed call in bytes: what gRPC servers take in one message at their defaults."""


class TypedCalls:
    """The typed side of the data plane. ``attempt`` and ``running`` are those of all calls."""

    def __init__(self, attempt: Attempt[Reply], running: RunningCalls) -> None:
        self._attempt = attempt
        self._running = running

    async def carry(self, call: Call) -> bool:
        """Carry the call where a service is bound to its path; False where none is.

        Raises :class:`CallFailed` and ``PlugwayError`` where no service answered.
        """
        typed = call.target.typed
        if typed is None:
            return False
        api = typed.api or await typed.load()
        request = call.message.request
        found = api.tree.find(call.method, request.path)
        if found is None:
            return False
        binding, template, parts = found
        call.named = binding.path
        body = await _body(call)
        try:
            kind = _content_type(call)
            messages = binding.requests(values(template, parts), request.query, body, kind)
        except BadValue as error:
            await call.refuse(not_fitting(error, call.route.route.plugin_id))
            return True
        self._running.begin(call)
        try:
            if binding.client_streaming or binding.server_streaming:
                await self._stream(call, api, binding, messages)
            else:
                await self._unary(call, api, binding, messages[0])
        finally:
            self._running.end(call)
        return True

    async def _unary(self, call: Call, api: TypedApi, binding: Binding, message: bytes) -> None:
        metadata = outgoing(call.message.request)
        within = call.route.limits.timeout
        reply = await self._attempt(
            call, lambda call: ask(call.upstream, binding.path, metadata, message, within)
        )
        await _answer(call, api, binding, reply)

    async def _stream(self, call: Call, api: TypedApi, binding: Binding, messages: list[bytes]) -> None:
        limits = call.route.limits
        metadata = outgoing(call.message.request)

        async def begin(call: Call) -> Messages:
            stream = Messages(call.upstream.channel, binding, messages, metadata)
            await stream.begin(limits.timeout)
            return stream

        stream = await self._attempt(call, begin)  # type: ignore[arg-type]  # generic over what is tried
        assert isinstance(stream, Messages)
        try:
            if not binding.server_streaming or stream.status:
                await _answer(call, api, binding, stream.reply())
                return
            form = form_of(call.message.request, binding)
            kind = stream.first_kind() if binding.raw else form.media_type
            headers = _head(call, stream.head, kind)
            if form.is_live:
                headers.append((b"cache-control", b"no-store"))
            call.watch()
            await call.begin_answer(200, headers)
            call.outlast(headers)

            def shown(reply: Reply) -> StatusProblem:
                return _problem(call, api, reply)

            async with aclosing(stream.parts(form, limits.stream_idle, shown)) as parts:
                await send_parts(call.send_part, parts, None, limits.stream_idle)
        finally:
            stream.close()


async def _answer(call: Call, api: TypedApi, binding: Binding, reply: Reply) -> None:
    if reply.status:
        # All of the request was read, so the connection can be used again.
        await call.refuse(_problem(call, api, reply))
        return
    try:
        body, kind = binding.answer(reply.data)
    except (DecodeError, ValueError, RecursionError):
        raise _garbage() from None
    response = HttpResponse(status=200, headers=answer_headers(reply.head))
    headers = complete_head(response, call.head.request_id, call.method, len(body))
    headers.append((b"content-type", _kind(kind)))
    await call.begin_answer(200, headers)
    await call.send_part({"type": "http.response.body", "body": b"" if call.method == "HEAD" else body})


def _head(call: Call, head: Pairs, kind: str) -> Pairs:
    response = HttpResponse(status=200, headers=answer_headers(head))
    headers, _ = open_head(response, call.head.request_id)
    return [*headers, (b"content-type", _kind(kind))]


def _kind(kind: str) -> bytes:
    if not kind.isascii() or not kind.isprintable():
        raise _garbage()
    return kind.encode()


def _garbage() -> CallFailed:
    return CallFailed(Failure.GARBAGE, "answered with something else than its service's message")


def _problem(call: Call, api: TypedApi, reply: Reply) -> StatusProblem:
    plugin = call.route.route.plugin_id
    return status_problem(reply.status, reply.words, reply.details, plugin, api.show_any)


def _content_type(call: Call) -> str:
    for header in call.message.request.headers:
        if header.name == b"content-type":
            return header.value.decode("latin-1")
    return ""


async def _body(call: Call) -> bytes:
    head = call.head
    if not head.length and not head.chunked:
        return b""
    body = Body(call.receive, call.route.limits, call.route.route.plugin_id)
    data = b""
    if head.length <= MAX_MESSAGE:
        data = await body.begin(MAX_MESSAGE, call.route.limits.timeout)
    if head.length > MAX_MESSAGE or len(data) > MAX_MESSAGE or not body.complete:
        raise BodyTooLarge(
            f"A typed call may have a body of {MAX_MESSAGE} bytes at most.",
            plugin=call.route.route.plugin_id,
        )
    return data
