"""Exchange: one HTTP call or one WebSocket, frame by frame in both directions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from plugway.plugin.v1 import http_pb2, plugin_pb2

from plugway_sdk.app_host import AppHost
from plugway_sdk.body import RequestBody
from plugway_sdk.frames import ClientGone, header_messages, write
from plugway_sdk.http_call import AnswerBroken, HttpCall
from plugway_sdk.problems import not_configured
from plugway_sdk.scope import BadHead
from plugway_sdk.websocket_call import WebSocketCall

Context = grpc.aio.ServicerContext[Any, Any]
Response = plugin_pb2.ExchangeResponse
Act = Callable[[], Awaitable[None]]


class BadFrame(ValueError):
    """The frames break the contract; the message says how."""


async def exchange(host: AppHost, context: Context, *, configured: bool) -> None:
    """Serve one stream from its first frame to its last."""
    first = await context.read()
    try:
        if first is grpc.aio.EOF or first.WhichOneof("frame") not in ("http_start", "websocket_start"):
            raise BadFrame("the first frame must be a start")
        if not configured:
            await _refuse(context)
        elif first.HasField("http_start"):
            await _http(host, context, first.http_start)
        else:
            await _websocket(host, context, first.websocket_start)
    except (BadFrame, BadHead) as error:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except AnswerBroken as error:
        await context.abort(grpc.StatusCode.INTERNAL, str(error))
    except ClientGone:
        await context.abort(grpc.StatusCode.CANCELLED, "the client has gone")


async def _http(host: AppHost, context: Context, head: http_pb2.HttpRequest) -> None:
    body = RequestBody(window=host.timing.window)
    call = HttpCall(host, head, body, whole=False)

    async def upload() -> None:
        while (frame := await context.read()) is not grpc.aio.EOF:
            if not frame.HasField("body"):
                raise BadFrame("after its start an HTTP call takes only body frames")
            await body.feed(frame.body.data, end=frame.body.end)
            if frame.body.end:
                return
        body.leave()
        call.disconnect()

    async def answer() -> None:
        await _answer(call, context, host.timing.window)
        call.delivered()
        body.discard()

    call.start()
    try:
        await _both(upload, answer, call.disconnect, host.timing.linger)
    except BaseException:
        call.disconnect()
        raise
    finally:
        call.delivered()


async def _answer(call: HttpCall, context: Context, limit: int) -> None:
    await call.ready
    if not call.status:
        raise AnswerBroken("the call ended before its answer began")
    head = http_pb2.HttpResponse(status=call.status, headers=header_messages(call.headers))
    await write(context, Response(http_start=head))
    end = False
    while not end:
        data, end = await call.next_part(limit)
        trailers = header_messages(call.trailers) if end else ()
        await write(context, Response(body=http_pb2.BodyChunk(data=data, end=end, trailers=trailers)))


async def _websocket(host: AppHost, context: Context, opening: http_pb2.WebSocketOpen) -> None:
    call = WebSocketCall(host, opening)

    async def receive() -> None:
        try:
            while (frame := await context.read()) is not grpc.aio.EOF:
                if not await call.feed(frame):
                    return
        except ValueError as error:
            raise BadFrame(str(error)) from None
        call.disconnect()

    async def send() -> None:
        while (frame := await call.next_frame()) is not None:
            await write(context, frame)

    call.start()
    try:
        await _both(receive, send, call.disconnect, host.timing.linger)
    finally:
        call.disconnect()


async def _both(reading: Act, writing: Act, stop: Callable[[], None], linger: float) -> None:
    """Read and write at once; done when writing is, as a server may answer before it has read all.

    Then the stream stays open for ``linger`` seconds at most: ended while the client writes, it
    would make the client's gRPC library fail the call before the answer is read. Where reading
    fails, ``stop`` lets writing end by itself, as gRPC cannot end a call under a message.
    """
    reader, writer = asyncio.ensure_future(reading()), asyncio.ensure_future(writing())
    try:
        await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
        if reader.done() and reader.exception() is not None:
            stop()
            await asyncio.wait((writer,), timeout=linger)
            await reader
        await writer
        await asyncio.wait((reader,), timeout=linger)
    finally:
        for task in (reader, writer):
            task.cancel()
        await asyncio.gather(reader, writer, return_exceptions=True)


async def _refuse(context: Context) -> None:
    status, headers, body = not_configured()
    head = http_pb2.HttpResponse(status=status, headers=header_messages(headers))
    await write(context, Response(http_start=head))
    await write(context, Response(body=http_pb2.BodyChunk(data=body, end=True)))
