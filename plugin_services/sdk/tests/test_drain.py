"""An orderly end: no new calls, notice on streams, what runs is finished, the rest is cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from fastapi import FastAPI, WebSocket
from fastapi.responses import StreamingResponse
from grpc_health.v1 import health_pb2, health_pb2_grpc
from plugway.plugin.v1 import plugin_pb2
from plugway_sdk import Plugin
from plugway_sdk.testing import PluginClient, harness
from plugway_sdk.testing.websocket import WebSocketClosed


class Sample:
    """An app with one route of each kind, and what it saw."""

    def __init__(self) -> None:
        self.entered, self.go_on = asyncio.Event(), asyncio.Event()
        self.seen: list[Any] = []
        app = FastAPI()
        self.plugin: Plugin[Any] = Plugin(id="sample", version="1.2.3", app=app)

        @app.get("/slow")
        async def slow() -> str:
            self.entered.set()
            await self.go_on.wait()
            return "finished"

        @app.get("/events")
        async def events() -> StreamingResponse:
            return StreamingResponse(self._events(), media_type="text/event-stream")

        @app.get("/download")
        async def download() -> StreamingResponse:
            return StreamingResponse(self._parts())

        @app.websocket("/socket")
        async def socket(websocket: WebSocket) -> None:
            await websocket.accept()
            self.seen.append((await websocket.receive())["code"])

    async def _events(self) -> AsyncIterator[str]:
        try:
            yield "data: 1\n\n"
            await asyncio.Event().wait()
        finally:
            self.seen.append("events ended")

    async def _parts(self) -> AsyncIterator[bytes]:
        yield b"one"
        self.entered.set()
        await self.go_on.wait()
        yield b"two"


async def until_not_serving(client: PluginClient) -> None:
    watch = health_pb2_grpc.HealthStub(client.channel).Watch(health_pb2.HealthCheckRequest())
    async for answer in watch:
        if answer.status == health_pb2.HealthCheckResponse.NOT_SERVING:
            return


async def test_what_runs_is_finished_and_nothing_new_is_taken() -> None:
    sample = Sample()
    async with harness(sample.plugin) as client:
        call = asyncio.ensure_future(client.get("/slow"))
        await sample.entered.wait()
        drain = asyncio.ensure_future(client.drain())
        await until_not_serving(client)
        assert await client.health("sample") == "NOT_SERVING"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.get("/slow")
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        # The mark tells a gateway that the app never saw the call.
        assert ("plugway-refused", "draining") in tuple(caught.value.trailing_metadata() or ())
        with pytest.raises(grpc.aio.AioRpcError):
            async with client.websocket("/socket"):
                pass
        assert not drain.done()
        sample.go_on.set()
        assert (await call).json() == "finished"
        assert ((await drain).finished, (await drain).cut) == (1, 0)


async def test_an_idle_plugin_drains_at_once_and_twice() -> None:
    async with harness(Sample().plugin) as client:
        for _ in range(2):
            answer = await client.drain(60, 60)
            assert (answer.finished, answer.cut) == (0, 0)


async def test_event_streams_end_in_good_order() -> None:
    sample = Sample()
    async with harness(sample.plugin) as client, client.stream("GET", "/events") as answer:
        events = answer.aiter_events()
        assert (await anext(events)).data == "1"
        drain = asyncio.ensure_future(client.drain())
        notice = await anext(events)
        assert notice.retry is not None
        assert 500 <= notice.retry <= 1500
        with pytest.raises(StopAsyncIteration):
            await anext(events)
        assert ((await drain).finished, (await drain).cut) == (1, 0)
    assert sample.seen == ["events ended"]


async def test_websockets_are_closed_with_service_restart() -> None:
    sample = Sample()
    async with harness(sample.plugin) as client, client.websocket("/socket") as socket:
        drain = asyncio.ensure_future(client.drain())
        with pytest.raises(WebSocketClosed) as caught:
            await socket.receive()
        assert caught.value.code == 1012
        assert ((await drain).finished, (await drain).cut) == (1, 0)
    assert sample.seen == [1012]


async def test_a_download_goes_on_while_draining() -> None:
    sample = Sample()
    async with harness(sample.plugin) as client, client.stream("GET", "/download") as answer:
        body = answer.aiter_bytes()
        assert await anext(body) == b"one"
        await sample.entered.wait()
        drain = asyncio.ensure_future(client.drain())
        await until_not_serving(client)
        sample.go_on.set()
        assert await anext(body) == b"two"
        with pytest.raises(StopAsyncIteration):
            await anext(body)
        assert ((await drain).finished, (await drain).cut) == (1, 0)


async def test_what_does_not_end_is_cut_at_the_deadline() -> None:
    sample = Sample()
    async with harness(sample.plugin) as client:
        call = asyncio.ensure_future(client.get("/slow"))
        await sample.entered.wait()
        sample.entered.clear()
        request = plugin_pb2.HandleRequest(request=client.head_of("GET", "/download"))
        first = await client.stub.Handle(request)
        reading = client.stub.ReadBody(plugin_pb2.ReadBodyRequest(continuation=first.continuation))
        reader = asyncio.ensure_future(reading.read())
        await sample.entered.wait()
        answer = await client.drain(0.05, 0.05)
        assert (answer.finished, answer.cut) == (0, 2)
        for cut, code in ((call, grpc.StatusCode.UNAVAILABLE), (reader, grpc.StatusCode.INTERNAL)):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await cut
            assert caught.value.code() is code
