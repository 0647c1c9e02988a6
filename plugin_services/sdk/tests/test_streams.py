"""Answers that go on after Handle: continuations, back-pressure, event streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from fastapi import FastAPI
from fastapi.responses import Response, StreamingResponse
from plugway.plugin.v1 import plugin_pb2
from plugway_sdk import Plugin
from plugway_sdk.testing import Timing, harness

MIB = 2**20


def plugin_of(app: Any) -> Plugin[Any]:
    return Plugin(id="sample", version="1.2.3", app=app)


def streaming(parts: Any, media_type: str = "application/octet-stream") -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def stream() -> StreamingResponse:
        return StreamingResponse(parts(), media_type=media_type)

    return app


async def open_answer(client: Any) -> plugin_pb2.HandleResponse:
    request = plugin_pb2.HandleRequest(request=client.head_of("GET", "/"))
    answer: plugin_pb2.HandleResponse = await client.stub.Handle(request)
    return answer


async def test_a_large_answer_comes_in_parts() -> None:
    content = bytes(range(256)) * (5 * MIB // 256) + b"tail"
    app = FastAPI()

    @app.get("/")
    async def large() -> Response:
        return Response(content)

    async with harness(plugin_of(app)) as client:
        first = await open_answer(client)
        assert len(first.body) == MIB
        assert first.continuation
        answer = await client.get("/")
    assert answer.streamed
    assert answer.content == content


async def test_a_slow_body_starts_at_once() -> None:
    go_on = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        await go_on.wait()
        yield b"two"

    async with (
        harness(plugin_of(streaming(parts))) as client,
        client.stream("GET", "/") as answer,
    ):
        assert answer.streamed
        body = answer.aiter_bytes()
        assert await anext(body) == b"one"
        go_on.set()
        assert b"".join([part async for part in body]) == b"two"


async def test_a_fast_producer_waits_for_a_slow_reader() -> None:
    produced = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal produced
        for _ in range(256):
            produced += 1
            yield bytes(256 * 1024)
            await asyncio.sleep(0)

    async with harness(plugin_of(streaming(parts))) as client:
        first = await open_answer(client)
        reading = client.stub.ReadBody(plugin_pb2.ReadBodyRequest(continuation=first.continuation))
        await reading.read()
        before = -1
        while before != produced:
            before = produced
            await asyncio.sleep(0.1)
        # HTTP/2 windows and ours hold some; by far not the 64 MiB.
        assert produced < 100
        size = len(first.body)
        while (part := await reading.read()) is not grpc.aio.EOF:
            size += len(part.chunk)
    assert size > 60 * MIB


async def test_a_continuation_is_used_once() -> None:
    go_on = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        await go_on.wait()
        yield b"two"

    async with harness(plugin_of(streaming(parts))) as client:
        first = await open_answer(client)
        go_on.set()
        request = plugin_pb2.ReadBodyRequest(continuation=first.continuation)
        assert [part.chunk async for part in client.stub.ReadBody(request)] == [b"two"]
        for token in (first.continuation, "never-given", ""):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await client.stub.ReadBody(plugin_pb2.ReadBodyRequest(continuation=token)).read()
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_continuation_nobody_reads_expires_and_tells_the_app() -> None:
    ended = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"more"
                await asyncio.sleep(0.01)
        finally:
            ended.set()

    async with harness(plugin_of(streaming(parts)), timing=Timing(continuation=0.05)) as client:
        first = await open_answer(client)
        await ended.wait()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.stub.ReadBody(plugin_pb2.ReadBodyRequest(continuation=first.continuation)).read()
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        assert "plugway_plugin_open_calls 0.0" in await client.metrics()


async def test_a_discarded_answer_ends_its_generator() -> None:
    ended = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        try:
            yield b"one"
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with harness(plugin_of(streaming(parts))) as client:
        first = await open_answer(client)
        discard = plugin_pb2.ReadBodyRequest(continuation=first.continuation, discard=True)
        assert [part async for part in client.stub.ReadBody(discard)] == []
        await ended.wait()
        # Once more, as it may cross a ReadBody: no error.
        assert [part async for part in client.stub.ReadBody(discard)] == []


@pytest.mark.parametrize("read", [True, False], ids=["read", "never read"])
async def test_leaving_a_stream_ends_an_idle_generator(read: bool) -> None:
    go_on, ended = asyncio.Event(), asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        try:
            yield b": hello\n\n"
            await go_on.wait()
            yield b": still here\n\n"
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with harness(plugin_of(streaming(parts, "text/event-stream"))) as client:
        async with client.stream("GET", "/") as answer:
            body = answer.aiter_bytes()
            assert await anext(body) == b": hello\n\n"
            if read:
                go_on.set()
                assert await anext(body) == b": still here\n\n"
        await ended.wait()


async def test_an_event_stream_answers_before_its_first_event() -> None:
    go_on = asyncio.Event()

    async def parts() -> AsyncIterator[str]:
        await go_on.wait()
        yield "event: tick\ndata: 1\nid: 7\n\n"
        yield "data: a\ndata: b\n\n"

    async with (
        harness(plugin_of(streaming(parts, "text/event-stream"))) as client,
        client.stream("GET", "/") as answer,
    ):
        assert answer.status_code == 200
        go_on.set()
        events = [event async for event in answer.aiter_events()]
    assert [(event.event, event.data, event.id) for event in events] == [
        ("tick", "1", "7"),
        ("message", "a\nb", ""),
    ]


async def test_an_app_that_fails_midway_breaks_the_stream_off() -> None:
    go_on = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        await go_on.wait()
        raise RuntimeError("no more")

    async with harness(plugin_of(streaming(parts))) as client:
        first = await open_answer(client)
        go_on.set()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in client.stub.ReadBody(plugin_pb2.ReadBodyRequest(continuation=first.continuation)):
                pass
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "no more" not in str(caught.value.details())
