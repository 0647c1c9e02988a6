"""Checks of answers that come in parts, of uploads and of WebSockets."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import grpc
from grpc import aio
from plugway.plugin.v1 import http_pb2, plugin_pb2

from gateway.conformance.check import Broken, Group, NotTried, require
from gateway.conformance.subject import UNKNOWN, Subject

group = Group()
_MOST = 2**20
_PARTS, _PART = 12, 256 * 2**10
_TOKEN = "plugway-check-no-such-continuation"  # noqa: S105  (no password)
_PROTOCOL = "plugway.check"
Frame = plugin_pb2.ExchangeRequest


async def open_stream(subject: Subject) -> plugin_pb2.HandleResponse:
    """The beginning of the author's stream; raises :class:`Broken` where it is none."""
    call = subject.handle(subject.route("stream", accept="text/event-stream, */*"))
    answer = await subject.within(call, "The head of the stream")
    status = answer.response.status
    require(status < 400, f"The stream route answers {status}.", "Correct stream under [check].")
    require(
        bool(answer.continuation),
        "The stream route answers in one message, so nothing of it streams.",
        "Answer with what there is and a continuation; or name another route.",
    )
    return answer


async def opened_stream(subject: Subject) -> plugin_pb2.HandleResponse:
    """As :func:`open_stream`, for checks that are about something else: raises :class:`NotTried`."""
    try:
        return await open_stream(subject)
    except Broken:
        raise NotTried("the stream could not be opened: see stream.open") from None


def read_body(subject: Subject, continuation: str, *, discard: bool = False) -> Any:
    request = plugin_pb2.ReadBodyRequest(continuation=continuation, discard=discard)
    return subject.plugin.ReadBody(request, timeout=subject.patience.check)


@group.check(
    "stream.open",
    "Answer with what there is and a continuation where it is still being produced; ReadBody streams the "
    "rest.",
    route="stream",
)
async def stream_open(subject: Subject) -> str:
    answer = await open_stream(subject)
    call, size, ended = read_body(subject, answer.continuation), len(answer.body), False
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(subject.patience.moment):
                while size < _MOST and not ended:
                    part = await call.read()
                    ended = part is aio.EOF
                    size += 0 if ended else len(part.chunk)
    finally:
        call.cancel()
        await subject.give_up(answer.continuation)
    return f"{size} bytes, then {'its end' if ended else 'it was left'}"


@group.check("stream.used-once", "A continuation is used once.", route="stream")
async def used_once(subject: Subject) -> str:
    answer = await opened_stream(subject)
    # Which of the two comes first is nobody's promise, so either may be the one that is refused.
    calls = [read_body(subject, answer.continuation) for _ in range(2)]
    try:
        reads = [
            asyncio.ensure_future(subject.refused(call.read(), grpc.StatusCode.NOT_FOUND)) for call in calls
        ]
        for read in asyncio.as_completed(reads, timeout=subject.patience.answer):
            if await read is not None:
                return "NOT_FOUND for one of two"
        raise Broken("It gives the same rest to two ReadBody calls.", "Answer NOT_FOUND to the second.")
    except TimeoutError:
        raise Broken("It leaves two ReadBody calls of one continuation open.", "Answer NOT_FOUND.") from None
    finally:
        for call, read in zip(calls, reads, strict=True):
            call.cancel()
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
        await subject.give_up(answer.continuation)


@group.check("stream.unknown", "An unknown continuation answers NOT_FOUND.")
async def unknown_continuation(subject: Subject) -> str:
    call = read_body(subject, _TOKEN)
    code = await subject.refused(call.read(), grpc.StatusCode.NOT_FOUND)
    call.cancel()
    require(code is not None, "ReadBody of a continuation that it never gave answers.", "Answer NOT_FOUND.")
    return "NOT_FOUND"


@group.check(
    "stream.discard", "With discard: end the stream without a part, whether the continuation is known or not."
)
async def discard(subject: Subject) -> str:
    call = read_body(subject, _TOKEN, discard=True)
    first = await subject.within(call.read(), "The end of a ReadBody that discards")
    call.cancel()
    require(first is aio.EOF, "It sends a part of what nobody wants.", "End the stream at once.")
    return "ended without a part"


# Uploads


@group.check(
    "upload.headers",
    "On Exchange a plugin sends its response headers as soon as it has not refused.",
    route="upload",
)
async def upload_headers(subject: Subject) -> str:
    call = subject.exchange()
    try:
        await call.write(Frame(http_start=subject.route("upload", "POST")))
        await subject.within(
            call.initial_metadata(), "Response headers before the body", subject.patience.answer / 2
        )
    finally:
        call.cancel()
    return "before any of the body"


@group.check(
    "upload.answered",
    "The answer is one http_start and body frames, the last with end; it may come before the upload has "
    "ended.",
    route="upload",
)
async def upload_answered(subject: Subject) -> str:
    call = subject.exchange()

    async def send() -> None:
        # Where the plugin has answered early and ended, what is left cannot be sent.
        with contextlib.suppress(asyncio.InvalidStateError, aio.AioRpcError):
            head = subject.route("upload", "POST", content_type="application/octet-stream")
            await call.write(Frame(http_start=head))
            for _ in range(_PARTS):
                await call.write(Frame(body=http_pb2.BodyChunk(data=bytes(_PART))))
            await call.write(Frame(body=http_pb2.BodyChunk(end=True)))
            await call.done_writing()

    sending = asyncio.ensure_future(send())
    try:
        status = await _answer(subject, call)
    finally:
        sending.cancel()
        call.cancel()
    require(status < 500, f"An upload of {_PARTS * _PART >> 10} KiB is answered with {status}.")
    return f"{_PARTS * _PART >> 10} KiB: {status}"


async def _answer(subject: Subject, call: Any) -> int:
    """Read a whole answer; raises :class:`Broken` where its frames are not those of one."""
    first = await subject.within(call.read(), "An answer", subject.patience.check)
    if first is aio.EOF or first.WhichOneof("frame") != "http_start":
        kind = "its end" if first is aio.EOF else first.WhichOneof("frame")
        raise Broken(f"The answer begins with {kind}, not with http_start.")
    async for frame in subject.frames(call, "The end of the answer"):
        if frame.WhichOneof("frame") != "body":
            raise Broken(f"Among the answer's body is a frame {frame.WhichOneof('frame')}.")
        if frame.body.end:
            return int(first.http_start.status)
    raise Broken("The answer's stream ends without a frame that has end.", "Set end on the last one.")


@group.check(
    "upload.broken-off",
    "A stream that ends before the frame with end is an upload that broke off: discard what came.",
    route="upload",
)
async def upload_broken_off(subject: Subject) -> str:
    call = subject.exchange()
    status = 0
    try:
        await call.write(Frame(http_start=subject.route("upload", "POST")))
        await call.write(Frame(body=http_pb2.BodyChunk(data=b"the first half")))
        await call.done_writing()
        async for frame in subject.frames(call, "The end of an upload that broke off"):
            status = status or frame.http_start.status
    except (aio.AioRpcError, asyncio.InvalidStateError):
        return f"ended with {(await call.code()).name}"
    finally:
        call.cancel()
    require(
        not 200 <= status < 300,
        f"An upload that broke off is answered with {status}, as if it were whole.",
        "Take an upload only once the frame with end has come.",
    )
    return str(status or "ended without an answer")


# WebSockets


async def open_socket(subject: Subject) -> Any:
    """An Exchange whose WebSocket was accepted; the caller cancels it."""
    call = subject.exchange()
    start = http_pb2.WebSocketOpen(request=subject.route("websocket"), subprotocols=[_PROTOCOL])
    try:
        await call.write(Frame(websocket_start=start))
        first = await subject.within(call.read(), "An answer to websocket_start")
        kind = "the end of the stream" if first is aio.EOF else first.WhichOneof("frame")
        if kind != "websocket_accept":
            status = f" {first.http_start.status}" if kind == "http_start" else ""
            raise Broken(
                f"It answers websocket_start with {kind}{status}.", "Correct websocket under [check]."
            )
        chosen = first.websocket_accept.subprotocol
        require(chosen in ("", _PROTOCOL), f"It chose the subprotocol {chosen!r:.100}, which nobody offered.")
    except BaseException:
        call.cancel()
        raise
    return call


async def opened_socket(subject: Subject) -> Any:
    """As :func:`open_socket`, for checks that are about something else: raises :class:`NotTried`."""
    try:
        return await open_socket(subject)
    except Broken:
        raise NotTried("no WebSocket could be opened: see websocket.opened") from None


@group.check(
    "websocket.opened", "Answer websocket_accept; then messages in both directions.", route="websocket"
)
async def socket_opened(subject: Subject) -> str:
    call = await open_socket(subject)
    try:
        for data, more in ((b"in two ", True), (b"parts", False)):
            message = http_pb2.WebSocketMessage(data=data, text=True, more=more)
            await call.write(Frame(websocket_message=message))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(subject.patience.moment):
                answer = await call.read()
                kind = "the end of the stream" if answer is aio.EOF else answer.WhichOneof("frame")
                require(
                    kind in ("websocket_message", "websocket_close"), f"On an open WebSocket it sends {kind}."
                )
                return f"accepted, then {kind}"
    finally:
        call.cancel()
    return "accepted"


@group.check("websocket.closed", "websocket_close ends it.", route="websocket")
async def socket_closed(subject: Subject) -> str:
    call = await opened_socket(subject)
    try:
        await call.write(Frame(websocket_close=http_pb2.WebSocketClose(code=1000)))
        await call.done_writing()
        async for _ in subject.frames(call, "The end after websocket_close"):
            pass
    except (aio.AioRpcError, asyncio.InvalidStateError) as error:
        raise Broken(f"After websocket_close the stream fails ({await call.code()}).") from error
    finally:
        call.cancel()
    return "the stream ended"


@group.check(
    "websocket.refused", "A WebSocket is refused with http_start and body, as a call is.", configured=True
)
async def socket_refused(subject: Subject) -> str:
    call = subject.exchange()
    try:
        start = http_pb2.WebSocketOpen(request=subject.head("GET", f"/{UNKNOWN}"))
        await call.write(Frame(websocket_start=start))
        first = await subject.within(call.read(), "An answer to websocket_start")
        if first is not aio.EOF and first.WhichOneof("frame") == "websocket_accept":
            return "it accepts any"
        if first is aio.EOF or first.WhichOneof("frame") != "http_start":
            raise Broken(
                "A WebSocket at a path that it does not know is answered with neither accept nor http_start."
            )
        async for frame in subject.frames(call, "The end of the refusal"):
            if frame.body.end:
                return str(first.http_start.status)
    finally:
        call.cancel()
    raise Broken("Its refusal has no body frame with end.", "Set end on the last one.")
