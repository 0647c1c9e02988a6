"""Compressed answers, as real clients get them from a real app on the SDK."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest
from plugway_sdk import Plugin
from plugway_sdk.listen import Listen
from plugway_sdk.server import Server
from plugway_sdk.timing import Timing
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway.proxy.compress import BR, GZIP, OFF_LOOP, Encoder
from tests.fakes.data_plane import AUTH, Plane, endpoint, route, running_plane

API = "/plugins/notes/api"
ROWS = [{"id": number, "text": f"a note, {number * 7919}"} for number in range(2000)]
LONG = b"".join(b"%d is a line of a long text\n" % number for number in range(150_000))
DECODE: dict[str, Callable[[bytes], bytes]] = {"br": brotli.decompress, "gzip": gzip.decompress}


class App:
    """``go_on`` lets its stream go on."""

    def __init__(self, files: Path) -> None:
        self.go_on = asyncio.Event()
        self._file = files / "long.txt"
        routes = [
            Route("/rows", self.rows, methods=["GET", "PUT"]),
            Route("/lines", self.lines),
            Route("/breaks", self.breaks),
            Route("/long", self.long),
            Route("/coded", self.coded),
        ]
        self.app = Starlette(routes=routes)

    async def rows(self, request: Request) -> Response:
        if request.headers.get("if-match", '"v1"') != '"v1"':
            return Response(status_code=412)
        return JSONResponse(ROWS, headers={"etag": '"v1"'})

    async def lines(self, request: Request) -> Response:
        async def source() -> AsyncIterator[bytes]:
            yield b'{"number": 0}\n'
            await self.go_on.wait()
            yield b'{"number": 1}\n'

        return StreamingResponse(source(), media_type="application/x-ndjson")

    async def breaks(self, request: Request) -> Response:
        async def source() -> AsyncIterator[bytes]:
            yield b"text " * 1000
            await asyncio.sleep(0.3)
            raise RuntimeError("half of it")

        return StreamingResponse(source(), media_type="text/plain")

    async def long(self, request: Request) -> Response:
        return FileResponse(self._file, media_type="text/plain")

    async def coded(self, request: Request) -> Response:
        body = gzip.compress(LONG)
        return Response(body, media_type="text/plain", headers={"content-encoding": "gzip"})


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    (tmp_path / "long.txt").write_bytes(LONG)
    made = App(tmp_path)
    plugin: Plugin[Any] = Plugin(id="notes", version="1.0.0", app=made.app)
    listen = Listen(address=f"unix:{tmp_path}/p.sock")
    server = Server(plugin, listen, instance_id="one", timing=Timing(linger=0.2))
    await server.start()
    yield made
    made.go_on.set()
    await server.stop()


@pytest.fixture(params=["on"])
async def plane(request: pytest.FixtureRequest, app: App, tmp_path: Path) -> AsyncIterator[Plane]:
    async with running_plane(tmp_path / "home", compression=request.param) as running:
        running.publish(route(endpoint(f"unix:{tmp_path}/p.sock")))
        yield running


@pytest.fixture(params=["http1", "http2"])
async def client(request: pytest.FixtureRequest, plane: Plane) -> AsyncIterator[httpx.AsyncClient]:
    headers = {**AUTH, "accept-encoding": "identity"}
    http2 = request.param == "http2"
    async with httpx.AsyncClient(
        base_url=plane.url, headers=headers, timeout=30, http1=not http2, http2=http2
    ) as client:
        yield client


async def raw(client: httpx.AsyncClient, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """With the body as it came."""
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.stream("GET", API + path, headers=said) as answer:
        return answer, b"".join([part async for part in answer.aiter_raw()])


@pytest.mark.parametrize("coding", ["br", "gzip"])
@pytest.mark.parametrize("path", ["/rows", "/long"])
async def test_whoever_takes_it_gets_it_small(client: httpx.AsyncClient, path: str, coding: str) -> None:
    plain, whole = await raw(client, path)
    answer, body = await raw(client, path, accept_encoding=coding)
    assert DECODE[coding](body) == whole
    assert len(body) < len(whole) / 3
    assert answer.headers["content-encoding"] == coding
    assert "accept-encoding" in answer.headers["vary"]
    assert "content-length" not in answer.headers
    assert answer.headers["etag"] == "W/" + plain.headers["etag"]
    assert "content-encoding" not in plain.headers
    assert int(plain.headers["content-length"]) == len(whole)
    head = await client.head(API + path, headers={"accept-encoding": coding})
    assert head.content == b""
    told = ("content-encoding", "vary", "etag", "content-length")
    assert [head.headers.get(name) for name in told] == [answer.headers.get(name) for name in told]


async def test_what_was_read_small_can_be_changed(client: httpx.AsyncClient) -> None:
    answer, _ = await raw(client, "/rows", accept_encoding="gzip")
    condition = {"if-match": answer.headers["etag"]}
    assert (await client.put(f"{API}/rows", headers=condition)).status_code == 200
    assert (await client.put(f"{API}/rows", headers={"if-match": 'W/"v2"'})).status_code == 412


@pytest.mark.parametrize(("coding", "window"), [("gzip", 31), ("gzip, br", 31)])
async def test_no_part_of_a_stream_waits_for_the_next(
    client: httpx.AsyncClient, app: App, coding: str, window: int
) -> None:
    decoder, seen = zlib.decompressobj(window), b""
    async with client.stream("GET", f"{API}/lines", headers={"accept-encoding": coding}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        async for part in answer.aiter_raw():
            seen += decoder.decompress(part)
            if not app.go_on.is_set() and seen:
                assert seen == b'{"number": 0}\n'
                app.go_on.set()
    assert [json.loads(line)["number"] for line in seen.splitlines()] == [0, 1]
    assert decoder.eof


async def test_parts_and_what_is_coded_stay_as_they_are(client: httpx.AsyncClient) -> None:
    answer, body = await raw(client, "/long", accept_encoding="gzip", range="bytes=0-9999")
    assert (answer.status_code, body) == (206, LONG[:10_000])
    assert "content-encoding" not in answer.headers
    assert not answer.headers["etag"].startswith("W/")
    answer, body = await raw(client, "/coded", accept_encoding="br, gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == LONG


@pytest.mark.parametrize("coding", ["br", "gzip"])
async def test_an_answer_that_breaks_off_is_seen_to(client: httpx.AsyncClient, coding: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await raw(client, "/breaks", accept_encoding=coding)


@pytest.mark.parametrize("plane", ["off"], indirect=True)
async def test_it_can_be_turned_off(client: httpx.AsyncClient) -> None:
    answer, body = await raw(client, "/long", accept_encoding="br, gzip")
    assert body == LONG
    assert not {"content-encoding", "vary"} & answer.headers.keys()


@pytest.mark.parametrize("coding", [BR, GZIP])
async def test_long_parts_leave_the_loop_alone(coding: bytes) -> None:
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message["body"])

    encoder, threads = Encoder(send, coding), []
    encode = encoder._encode

    def watched(body: bytes, last: bool) -> bytes:
        threads.append(threading.current_thread())
        return encode(body, last)

    encoder._encode = watched
    for part, more in ((LONG[:OFF_LOOP], True), (LONG[OFF_LOOP : 3 * OFF_LOOP], True), (b"", False)):
        await encoder({"type": "http.response.body", "body": part, "more_body": more})
    here = threading.current_thread()
    assert [thread is here for thread in threads] == [True, False, True]
    assert DECODE[coding.decode()](b"".join(sent)) == LONG[: 3 * OFF_LOOP]
