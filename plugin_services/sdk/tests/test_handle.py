"""The unary path: what an app is told, and what of its answer comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse
from plugway.plugin.v1 import http_pb2, plugin_pb2
from plugway_sdk import NoCall, Plugin, current_call
from plugway_sdk.testing import Timing, harness
from starlette.background import BackgroundTask
from starlette.middleware.base import BaseHTTPMiddleware


def plugin_of(app: Any, **more: Any) -> Plugin[Any]:
    return Plugin(id="sample", version="1.2.3", app=app, **more)


async def test_an_app_is_told_all_of_the_request() -> None:
    app = FastAPI()

    @app.api_route("/echo/{word}", methods=["PUT"])
    async def echo(word: str, request: Request) -> dict[str, Any]:
        return {
            "word": word,
            "query": dict(request.query_params),
            "body": (await request.body()).decode(),
            "header": request.headers["x-mine"],
            "url": str(request.url),
            "root": request.scope["root_path"],
            "client": request.client.host if request.client else None,
            "scheme": request.url.scheme,
        }

    async with harness(plugin_of(app)) as client:
        answer = await client.put("/echo/añb", params={"q": "ü"}, headers={"X-Mine": "1"}, content="text")
    assert answer.json() == {
        "word": "añb",
        "query": {"q": "ü"},
        "body": "text",
        "header": "1",
        "url": "http://plugway.test/plugins/sample/api/echo/añb?q=%C3%BC",
        "root": "/plugins/sample/api",
        "client": "127.0.0.1",
        "scheme": "http",
    }
    assert not answer.streamed


async def test_the_call_says_who_calls_in_threads_too() -> None:
    app = FastAPI()

    @app.get("/who")
    def who() -> dict[str, str]:
        call = current_call()
        return {"user": call.user, "role": call.role, "id": call.request_id, "base": call.base_path}

    async with harness(plugin_of(app), user="eve", role="viewer") as client:
        answer = await client.get("/who")
    assert answer.json() == {"user": "eve", "role": "viewer", "id": "test-1", "base": "/plugins/sample/api"}
    with pytest.raises(NoCall):
        current_call()


async def test_an_answer_does_not_wait_for_what_follows_it() -> None:
    released = asyncio.Event()
    done = asyncio.Event()

    async def afterwards() -> None:
        await released.wait()
        done.set()

    app = FastAPI()

    @app.get("/")
    async def start() -> PlainTextResponse:
        return PlainTextResponse("at once", background=BackgroundTask(afterwards))

    async with harness(plugin_of(app)) as client:
        assert (await client.get("/")).text == "at once"
        released.set()
        await done.wait()


async def test_an_app_that_raises_answers_500_without_the_reason() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            raise RuntimeError("hunter2")

    async with harness(plugin_of(app)) as client:
        answer = await client.get("/")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in answer.text
    assert answer.json()["type"] == "urn:plugway:problem:plugin-failed"


async def test_a_body_in_quick_parts_is_one_message() -> None:
    app = FastAPI()

    async def through(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    app.add_middleware(BaseHTTPMiddleware, dispatch=through)

    @app.get("/")
    async def small() -> dict[str, int]:
        return {"n": 1}

    async with harness(plugin_of(app), timing=Timing(patience_sized=20.0)) as client:
        answer = await client.get("/")
    assert (answer.json(), answer.streamed) == ({"n": 1}, False)


async def test_trailers_travel() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
        await send({"type": "http.response.body", "body": b"data"})
        await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"42")]})

    async with harness(plugin_of(app)) as client:
        answer = await client.get("/")
    assert answer.content == b"data"
    assert answer.trailers["x-sum"] == "42"


async def send_for_ever(send: Any) -> None:
    while True:
        await send({"type": "http.response.start", "status": 200, "headers": []})


async def test_a_client_that_leaves_disconnects_the_app() -> None:
    entered, left = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        await receive()
        entered.set()
        assert (await receive())["type"] == "http.disconnect"
        with pytest.raises(OSError, match="gone"):
            await send_for_ever(send)
        left.set()

    async with harness(plugin_of(app), timing=Timing(after_leaving=0.05)) as client:
        call = asyncio.ensure_future(client.get("/"))
        await entered.wait()
        call.cancel()
        await left.wait()
        assert "plugway_plugin_open_calls 0.0" in await client.metrics()


async def test_a_deadline_disconnects_the_app() -> None:
    left = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while scope["type"] == "http" and (await receive())["type"] != "http.disconnect":
            pass
        left.set()

    async with harness(plugin_of(app)) as client:
        left.clear()
        request = plugin_pb2.HandleRequest(request=client.head_of("GET", "/"))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.stub.Handle(request, timeout=1.0)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await left.wait()


@pytest.mark.parametrize(
    "head",
    [
        {},
        {"method": "GET"},
        {"method": "GET", "path": b"no-slash"},
        {"path": b"/"},
        {"method": "GET", "path": b"/\xff"},
    ],
)
async def test_a_head_that_breaks_the_contract_is_refused(head: dict[str, Any]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"

    async with harness(plugin_of(app)) as client:
        request = plugin_pb2.HandleRequest(request=http_pb2.HttpRequest(**head))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.stub.Handle(request)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_garbage_bytes_harm_nobody() -> None:
    app = FastAPI()

    @app.get("/")
    async def fine() -> str:
        return "fine"

    async with harness(plugin_of(app)) as client:
        for method in ("Describe", "Configure", "Handle", "Drain", "NoSuchMethod"):
            call = client.channel.unary_unary(f"/plugway.plugin.v1.PluginService/{method}")
            with pytest.raises(grpc.aio.AioRpcError):
                await call(b"\xff\xff\xff garbage")
        assert (await client.get("/")).json() == "fine"
        assert await client.health() == "SERVING"


async def test_calls_are_counted() -> None:
    app = FastAPI()
    async with harness(plugin_of(app)) as client:
        for _ in range(3):
            await client.get("/nothing")
        text = await client.metrics()
    assert 'plugway_plugin_calls_total{class="4xx"} 3.0' in text
    assert "plugway_plugin_call_seconds_count 3.0" in text
    assert text.endswith("# EOF\n")
