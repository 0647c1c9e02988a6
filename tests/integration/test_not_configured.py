"""A plugin that waits for its settings: what its clients, the log and the error rate are told of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from plugway_sdk import Plugin
from plugway_sdk.listen import Listen
from plugway_sdk.server import Server
from plugway_sdk.timing import Timing
from plugway_sdk.web.problems import NotConfigured, Refusal, answer_refusals
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gateway.proxy.access_log import AccessLog
from gateway.proxy.unconfigured import STATUS, judged
from tests.fakes.data_plane import AUTH, Plane, endpoint, route, running_plane

API = "/plugins/notes/api"


class Needed(BaseModel):
    url: str


class Away(Refusal):
    key, title, status = "away", "Nobody there", 503


def waiting() -> Plugin[Any]:
    """The SDK answers in its stead."""
    return Plugin(id="notes", version="1.0.0", app=FastAPI(), settings=Needed)


def refusing() -> Plugin[Any]:
    """It has settings, and nothing in them; and what it needs may be away."""
    app = FastAPI()
    answer_refusals(app, "notes")

    @app.get("/list")
    async def nothing_set() -> None:
        raise NotConfigured("No server is set.")

    @app.get("/slowly")
    async def said_in_parts() -> StreamingResponse:
        parts = (b'{"status": 503, ', b'"reason": "not-configured"}')

        async def body() -> AsyncIterator[bytes]:
            for part in parts:
                yield part
                await asyncio.sleep(0.1)

        return StreamingResponse(body(), 503, media_type="application/problem+json")

    @app.get("/away")
    async def away() -> None:
        raise Away("The server does not answer.")

    @app.put("/upload-away")
    async def upload_away() -> None:
        raise Away("The server does not answer.")

    return Plugin(id="notes", version="1.0.0", app=app)


async def ask(plane: Plane, directory: Path, plugin: Plugin[Any], *paths: str, websocket: bool) -> None:
    """Each path once, and a WebSocket: all are answered with 503."""
    at = endpoint(f"unix:{directory}/plugin.sock")
    server = Server(plugin, Listen(address=at.address), instance_id="one", timing=Timing(linger=0.2))
    await server.start()
    plane.publish(route(at, templates=paths))
    try:
        async with httpx.AsyncClient(base_url=plane.url, headers=AUTH, timeout=30) as client:
            for path in paths:
                if path.startswith("/upload"):
                    await upload(plane, path)
                    continue
                answer = await client.get(API + path)
                assert (answer.status_code, answer.json()["status"]) == (503, 503)
        if websocket:
            url = f"ws://127.0.0.1:{plane.port}{API}/ws"
            with pytest.raises(InvalidStatus) as refused:
                await connect(url, additional_headers=AUTH, proxy=None, open_timeout=30)
            assert refused.value.response.status_code == 503
    finally:
        await server.stop()


async def upload(plane: Plane, path: str) -> None:
    """A body longer than one message, of which the plugin wants nothing: it answers before the end."""
    head = f"PUT {API}{path} HTTP/1.1\r\nhost: test\r\nauthorization: {AUTH['authorization']}\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    try:
        writer.write(f"{head}content-length: 4096\r\n\r\n".encode() + bytes(2048))
        answer = await asyncio.wait_for(reader.read(), 30)
    finally:
        writer.close()
    assert answer.startswith(b"HTTP/1.1 503 ")


def counted(plane: Plane) -> dict[tuple[str, str, str], float]:
    registry = CollectorRegistry()
    registry.register(plane.data_plane.metrics)
    (calls,) = (family for family in registry.collect() if family.name == "plugway_calls")
    return {
        (sample.labels["route"], sample.labels["method"], sample.labels["status"]): sample.value
        for sample in calls.samples
        if sample.name == "plugway_calls_total"
    }


@pytest.mark.parametrize("all_calls", [False, True], ids=["errors", "all"])
async def test_it_is_neither_an_error_in_the_log_nor_in_the_error_rate(
    tmp_path: Path, all_calls: bool
) -> None:
    written: list[bytes] = []
    log = AccessLog("json", all_calls, written.append)
    async with running_plane(tmp_path / "home", log=log, unary_bytes=1024) as plane:
        await ask(plane, tmp_path, waiting(), "/list", "/upload", websocket=True)
        await ask(plane, tmp_path, refusing(), "/list", "/slowly", "/upload-away", "/away", websocket=False)
        assert counted(plane) == {
            ("/list", "read", "not-configured"): 2,
            ("other", "websocket", "not-configured"): 1,
            ("/upload", "write", "not-configured"): 1,
            ("/slowly", "read", "not-configured"): 1,
            ("/upload-away", "write", "5xx"): 1,
            ("/away", "read", "5xx"): 1,
        }
        totals = plane.data_plane.metrics.totals()["notes"]
        assert (totals.calls, totals.errors) == (7, 2)
    lines = [json.loads(line) for line in b"".join(written).splitlines()]
    seen = [(line["level"], line["method"], line["route"], line["status"]) for line in lines]
    away = [("error", "PUT", "/upload-away", 503), ("error", "GET", "/away", 503)]
    unset = [("info", "GET", "/list", 503), ("info", "PUT", "/upload", 503)]
    socket, slowly = ("info", "WEBSOCKET", "other", 503), ("info", "GET", "/slowly", 503)
    assert seen == ([*unset, socket, unset[0], slowly, *away] if all_calls else away)


JSON = [(b"content-type", b"application/problem+json; charset=utf-8")]
SAID = b'{"reason": "not-configured"}'


@pytest.mark.parametrize(
    ("status", "headers", "body", "found"),
    [
        (503, JSON, SAID, STATUS),
        (500, JSON, SAID, 500),
        (200, JSON, SAID, 200),
        (503, [(b"content-type", b"application/json")], SAID, 503),
        (503, [], SAID, 503),
        (503, JSON, b'{"reason": "starting"}', 503),
        (503, JSON, b'["not-configured"]', 503),
        (503, JSON, b"not-configured", 503),
        (503, JSON, b"[" * 16_000, 503),
        (503, JSON, SAID + b" " * 20_000, 503),
        (503, JSON, b"\xff", 503),
    ],
    ids=["said", "500", "200", "kind", "no-kind", "reason", "list", "text", "deep", "long", "bytes"],
)
def test_only_a_503_that_says_so_as_the_contract_has_it_counts(
    status: int, headers: list[tuple[bytes, bytes]], body: bytes, found: int
) -> None:
    assert judged(status, headers, body) == found
