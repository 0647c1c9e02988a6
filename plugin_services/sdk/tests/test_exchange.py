"""Uploads and WebSockets, frame by frame."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse
from plugway.plugin.v1 import http_pb2, plugin_pb2
from plugway_sdk import Plugin, current_call
from plugway_sdk.testing import harness
from plugway_sdk.testing.websocket import WebSocketClosed, WebSocketRefused

Frame = plugin_pb2.ExchangeRequest


def plugin_of(app: Any) -> Plugin[Any]:
    return Plugin(id="sample", version="1.2.3", app=app)


async def test_an_upload_arrives_in_parts() -> None:
    app = FastAPI()
    parts_seen = 0

    @app.post("/")
    async def take(request: Request) -> dict[str, int]:
        nonlocal parts_seen
        size = 0
        async for part in request.stream():
            parts_seen += bool(part)
            size += len(part)
        return {"size": size}

    async def body() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield bytes(100_000)

    async with harness(plugin_of(app)) as client:
        answer = await client.post("/", content=body())
    assert answer.json() == {"size": 4_000_000}
    assert parts_seen == 40


async def test_an_app_that_does_not_read_holds_the_client_back() -> None:
    app = FastAPI()
    read_on = asyncio.Event()

    @app.post("/")
    async def take(request: Request) -> dict[str, int]:
        await read_on.wait()
        return {"size": len(await request.body())}

    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 1
            yield bytes(512 * 1024)

    async with harness(plugin_of(app)) as client:
        call = asyncio.ensure_future(client.post("/", content=body()))
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.1)
        assert sent < 64
        read_on.set()
        assert (await call).json() == {"size": 64 * 512 * 1024}


async def test_an_answer_may_come_before_the_body_ended() -> None:
    app = FastAPI()

    @app.post("/")
    async def refuse() -> PlainTextResponse:
        return PlainTextResponse("too large", 413)

    async def body() -> AsyncIterator[bytes]:
        yield b"begin"
        await asyncio.Event().wait()

    async with harness(plugin_of(app)) as client:
        answer = await client.post("/", content=body())
    assert (answer.status_code, answer.text) == (413, "too large")


async def test_a_body_cut_short_is_a_disconnect() -> None:
    seen: list[str] = []
    over = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while scope["type"] == "http":
            message = await receive()
            seen.append(message["type"])
            if message["type"] == "http.disconnect":
                over.set()
                return

    async with harness(plugin_of(app)) as client:
        call = client.stub.Exchange()
        await call.write(Frame(http_start=client.head_of("POST", "/")))
        await call.write(Frame(body=http_pb2.BodyChunk(data=b"half")))
        await call.done_writing()
        await over.wait()
        assert await call.code() is grpc.StatusCode.INTERNAL
    assert seen == ["http.request", "http.disconnect"]


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [Frame()],
        [Frame(body=http_pb2.BodyChunk(data=b"x"))],
        [Frame(http_start=http_pb2.HttpRequest(method="GET"))],
        [Frame(websocket_start=http_pb2.WebSocketOpen())],
        [Frame(http_start=http_pb2.HttpRequest(method="GET", path=b"/wait"))] * 2,
        [
            Frame(websocket_start=http_pb2.WebSocketOpen(request=http_pb2.HttpRequest(path=b"/ws"))),
            Frame(body=http_pb2.BodyChunk(data=b"x")),
        ],
    ],
)
async def test_frames_that_break_the_contract_are_refused(frames: list[Frame]) -> None:
    app = FastAPI()

    @app.get("/wait")
    async def wait(request: Request) -> str:
        return (await request.body()).decode()

    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive()

    async with harness(plugin_of(app)) as client:
        call = client.stub.Exchange(iter_frames(frames))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in call:
                pass
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert await client.health() == "SERVING"


async def iter_frames(frames: list[Frame]) -> AsyncIterator[Frame]:
    for frame in frames:
        yield frame


def chat() -> FastAPI:
    app = FastAPI()
    app.state.left = asyncio.Queue()

    @app.websocket("/echo")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept(subprotocol=(websocket.scope["subprotocols"] or [None])[0])
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    app.state.left.put_nowait(message["code"])
                    return
                if message.get("text") == "close":
                    await websocket.close(4001, "as you wish")
                elif message.get("text") == "who":
                    await websocket.send_text(current_call().user)
                elif message.get("text") is not None:
                    await websocket.send_text(message["text"])
                else:
                    await websocket.send_bytes(message["bytes"])
        except WebSocketDisconnect:
            pass

    @app.websocket("/refused")
    async def refused(websocket: WebSocket) -> None:
        await websocket.close()

    @app.websocket("/denied")
    async def denied(websocket: WebSocket) -> None:
        await websocket.send_denial_response(PlainTextResponse("pay first", 402))

    @app.websocket("/fails")
    async def fails(websocket: WebSocket) -> None:
        await websocket.accept()
        raise RuntimeError("hunter2")

    return app


async def test_a_websocket_talks() -> None:
    big = "ü" * 2_000_000
    async with (
        harness(plugin_of(chat()), user="eve") as client,
        client.websocket("/echo", subprotocols=["v2", "v1"]) as socket,
    ):
        assert socket.subprotocol == "v2"
        for message in ("hello", b"\x00\xff", "", "who"):
            await socket.send(message)
        assert [await socket.receive() for _ in range(4)] == ["hello", b"\x00\xff", "", "eve"]
        # Larger than one frame on the way back; the way in is cut by whoever sends.
        for at in range(0, len(big), 500_000):
            data = big[at : at + 500_000].encode()
            part = http_pb2.WebSocketMessage(data=data, text=True, more=at + 500_000 < len(big))
            await socket._call.write(Frame(websocket_message=part))
        assert await socket.receive() == big
        await socket.send("close")
        with pytest.raises(WebSocketClosed) as caught:
            await socket.receive()
    assert (caught.value.code, caught.value.reason) == (4001, "as you wish")


async def test_a_websocket_can_be_refused() -> None:
    async with harness(plugin_of(chat())) as client:
        for path, status, body in (("/refused", 403, b""), ("/denied", 402, b"pay first")):
            with pytest.raises(WebSocketRefused) as caught:
                async with client.websocket(path):
                    pass
            assert (caught.value.status_code, caught.value.content) == (status, body)


async def test_a_websocket_whose_app_fails_is_closed_with_1011() -> None:
    async with harness(plugin_of(chat())) as client, client.websocket("/fails") as socket:
        with pytest.raises(WebSocketClosed) as caught:
            await socket.receive()
    assert caught.value.code == 1011
    assert "hunter2" not in caught.value.reason


async def test_a_client_that_leaves_or_closes_is_a_disconnect() -> None:
    app = chat()
    async with harness(plugin_of(app)) as client:
        for leave, code in ((True, 1006), (False, 1000)):
            async with client.websocket("/echo") as socket:
                await socket.send("hello")
                await socket.receive()
                if not leave:
                    await socket.close()
                    with pytest.raises(WebSocketClosed):
                        await socket.receive()
            assert await app.state.left.get() == code
        assert "plugway_plugin_open_calls 0.0" in await client.metrics()
