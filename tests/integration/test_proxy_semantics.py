"""What HTTP offers beyond a plain call, through the gateway to a real app on the SDK, and back."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from plugway_sdk import Plugin
from plugway_sdk.listen import Listen
from plugway_sdk.server import Server
from plugway_sdk.timing import Timing
from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tests.fakes.data_plane import TOKEN, Plane, endpoint, route
from tests.fakes.proxy_fixtures import client, plane

__all__ = ["client", "plane"]  # fixtures

API = "/plugins/notes/api"
CONTENT = bytes(range(256)) * 8192
HEAD = f"host: localhost\r\nauthorization: Bearer {TOKEN}\r\n"


class Gate:
    """Lets an app go on when the test says so."""

    def __init__(self) -> None:
        self.open = asyncio.Event()


async def _trailed(scope: Any, receive: Any, send: Any) -> None:
    """A body with trailers behind it: at once, in parts, or after an upload."""
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"text/plain"), (b"trailer", b"x-sum, content-length, x-second")]
    if "/sized" in scope["path"]:
        headers.append((b"content-length", b"14"))
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})
    if "/parts" in scope["path"]:
        await send({"type": "http.response.body", "body": b"first;", "more_body": True})
        await asyncio.sleep(0.2)
    # A short body is not worth compressing.
    before = b"." * 2048 if "/long" in scope["path"] else b""
    await send({"type": "http.response.body", "body": before + b"the body"})
    trailers = [
        (b"x-sum", b"abc"), (b"x-second", b"2"), (b"content-length", b"999"), (b"set-cookie", b"a=b"),
        (b"transfer-encoding", b"chunked"), (b"x-plugway-user", b"root"), (b"cache-control", b"public"),
    ]  # fmt: skip
    if scope["path"].endswith("/split"):
        trailers.append((b"x-evil", b"1\r\nset-cookie: a=b"))
    await send({"type": "http.response.trailers", "headers": trailers})


def app(files: Path, gate: Gate) -> Starlette:
    async def events(request: Request) -> Response:
        async def source() -> AsyncIterator[dict[str, str]]:
            yield {"data": "first"}
            await gate.open.wait()
            yield {"data": "second"}

        return EventSourceResponse(source(), ping=1)

    async def lines(request: Request) -> Response:
        async def source() -> AsyncIterator[bytes]:
            for number in range(3):
                yield json.dumps({"number": number}).encode() + b"\n"
                if number == 0:
                    await gate.open.wait()

        return StreamingResponse(source(), media_type="application/x-ndjson")

    async def version(request: Request) -> Response:
        if request.headers.get("if-match", '"v1"') != '"v1"':
            return Response(status_code=412, headers={"etag": '"v1"'})
        return JSONResponse({}, headers={"etag": '"v1"'})

    async def options(request: Request) -> Response:
        return Response(status_code=204, headers={"allow": "GET, OPTIONS", "accept-patch": "text/x"})

    async def download(request: Request) -> Response:
        return FileResponse(files / "big.bin", media_type="application/octet-stream")

    return Starlette(
        routes=[
            Route("/events", events),
            Route("/lines", lines),
            Route("/version", version, methods=["GET", "PUT"]),
            Route("/options", options, methods=["OPTIONS"]),
            Route("/download", download),
            Mount("/files", StaticFiles(directory=files)),
            Mount("/trailed", _trailed),
        ]
    )


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
async def running(plane: Plane, tmp_path: Path, gate: Gate) -> AsyncIterator[None]:
    files = tmp_path / "files"
    files.mkdir()
    (files / "big.bin").write_bytes(CONTENT)
    (files / "small.txt").write_text("0123456789")
    plugin: Plugin[Any] = Plugin(id="notes", version="1.0.0", app=app(files, gate))
    at = endpoint(f"unix:{tmp_path}/plugin.sock")
    server = Server(plugin, Listen(address=at.address), instance_id="one", timing=Timing(linger=0.2))
    await server.start()
    plane.publish(route(at))
    yield
    gate.open.set()
    await server.stop()


pytestmark = pytest.mark.usefixtures("running")


async def test_events_pass_as_they_are_made_with_their_heartbeats(
    client: httpx.AsyncClient, gate: Gate
) -> None:
    async with client.stream("GET", f"{API}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-length" not in answer.headers
        seen = b""
        async for part in answer.aiter_raw():
            seen += part
            if b": ping" in seen and not gate.open.is_set():
                # The app's own heartbeat got through while it waited for us.
                assert b"data: first" in seen
                assert b"second" not in seen
                gate.open.set()
    assert b"data: second" in seen


async def test_lines_of_json_pass_one_by_one(client: httpx.AsyncClient, gate: Gate) -> None:
    async with client.stream("GET", f"{API}/lines") as answer:
        assert answer.headers["transfer-encoding"] == "chunked"
        lines = answer.aiter_lines()
        assert json.loads(await anext(lines)) == {"number": 0}
        gate.open.set()
        assert [json.loads(line)["number"] async for line in lines] == [1, 2]


@pytest.mark.parametrize("path", ["/files/big.bin", "/download"])
async def test_ranges_pass(client: httpx.AsyncClient, path: str) -> None:
    whole = await client.get(f"{API}{path}")
    assert whole.content == CONTENT
    assert whole.headers["accept-ranges"] == "bytes"
    etag = whole.headers["etag"]
    for asked, part in (("0-99", CONTENT[:100]), ("1000000-", CONTENT[1000000:]), ("-7", CONTENT[-7:])):
        answer = await client.get(f"{API}{path}", headers={"range": f"bytes={asked}"})
        assert (answer.status_code, answer.content) == (206, part)
        assert answer.headers["content-range"].endswith(f"/{len(CONTENT)}")
    beyond = await client.get(f"{API}{path}", headers={"range": f"bytes={len(CONTENT)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(CONTENT)}")
    for condition, status in ((etag, 206), ('"other"', 200)):
        headers = {"range": "bytes=0-9", "if-range": condition}
        assert (await client.get(f"{API}{path}", headers=headers)).status_code == status
    several = await client.get(f"{API}{path}", headers={"range": "bytes=0-9,20-29"})
    assert several.headers["content-type"].startswith("multipart/byteranges")
    assert CONTENT[20:30] in several.content


async def test_conditions_pass(client: httpx.AsyncClient) -> None:
    url = f"{API}/files/small.txt"
    whole = await client.get(url)
    for name, value in (
        ("if-none-match", whole.headers["etag"]),
        ("if-modified-since", whole.headers["last-modified"]),
    ):
        again = await client.get(url, headers={name: value})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == whole.headers["etag"]
    assert (await client.get(url, headers={"if-none-match": '"x"'})).status_code == 200
    assert (await client.put(f"{API}/version", headers={"if-match": '"v0"'})).status_code == 412
    assert (await client.put(f"{API}/version", headers={"if-match": '"v1"'})).status_code == 200


async def test_head_and_options_are_the_plugins_own(client: httpx.AsyncClient) -> None:
    head = await client.head(f"{API}/files/big.bin")
    assert (head.content, head.headers["content-length"]) == (b"", str(len(CONTENT)))
    options = await client.options(f"{API}/options")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, OPTIONS")
    # The connection goes on to be usable.
    assert (await client.get(f"{API}/version")).status_code == 200


async def _raw(plane: Plane, head: str, body: bytes = b"", until: bytes = b"\r\n\r\n") -> bytes:
    """The answer from its first byte to the end of the connection, which the client asks for."""
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    writer.write(f"{head}{HEAD}connection: close\r\n".encode() + body)
    try:
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()


UPLOAD = b"content-length: 1200000\r\n\r\n" + b"u" * 1_200_000


@pytest.mark.parametrize(
    ("request_line", "body"),
    [("GET /trailed/once", b"\r\n"), ("GET /trailed/parts", b"\r\n"), ("PUT /trailed/upload", UPLOAD)],
    ids=["one message", "stream", "upload"],
)
async def test_trailers_follow_for_those_who_take_them(plane: Plane, request_line: str, body: bytes) -> None:
    method, path = request_line.split()
    line = f"{method} {API}{path} HTTP/1.1\r\n"
    answer = await _raw(plane, f"{line}te: deflate;q=0.5, Trailers\r\n", body)
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert b"\r\ntrailer: x-sum, x-second\r\n" in head + b"\r\n"
    assert b"the body\r\n" in rest
    assert rest.endswith(b"\r\n0\r\nx-sum: abc\r\nx-second: 2\r\n\r\n")
    for forbidden in (b"set-cookie", b"content-length", b"root", b"public"):
        assert forbidden not in answer.lower()
    plain = await _raw(plane, line, body)
    assert b"x-sum" not in plain
    assert b"the body" in plain


@pytest.mark.parametrize("path", ["/trailed/once/long", "/trailed/parts"])
async def test_trailers_follow_a_compressed_body_too(plane: Plane, path: str) -> None:
    asked = f"GET {API}{path} HTTP/1.1\r\nte: trailers\r\naccept-encoding: gzip\r\n"
    head, _, rest = (await _raw(plane, asked, b"\r\n")).partition(b"\r\n\r\n")
    assert b"\r\ncontent-encoding: gzip" in head
    body = b""
    while (size := int((line := rest.partition(b"\r\n"))[0], 16)) > 0:
        body, rest = body + line[2][:size], line[2][size + 2 :]
    assert rest == b"0\r\nx-sum: abc\r\nx-second: 2\r\n\r\n"
    assert gzip.decompress(body).endswith(b"the body")


async def test_a_body_of_declared_length_has_no_place_for_trailers(plane: Plane) -> None:
    answer = await _raw(plane, f"GET {API}/trailed/sized/parts HTTP/1.1\r\nte: trailers\r\n", b"\r\n")
    assert b"content-length: 14\r\n" in answer
    assert answer.endswith(b"\r\n\r\nfirst;the body")


@pytest.mark.parametrize("path", ["/trailed/split", "/trailed/parts/split"])
async def test_trailers_cannot_split_an_answer(plane: Plane, path: str) -> None:
    answer = await _raw(plane, f"GET {API}{path} HTTP/1.1\r\nte: trailers\r\n", b"\r\n")
    assert b"set-cookie" not in answer
    assert answer.startswith(b"HTTP/1.1 502") or not answer.endswith(b"0\r\n\r\n")


async def test_a_connection_goes_on_after_trailers(plane: Plane) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    asked = f"GET {API}/trailed/once HTTP/1.1\r\nte: trailers\r\n{HEAD}\r\n".encode()
    for _ in range(3):
        writer.write(asked)
        async with asyncio.timeout(10):
            await reader.readuntil(b"x-second: 2\r\n\r\n")
    writer.close()


async def test_trailers_of_a_request_are_no_headers(plane: Plane, gate: Gate) -> None:
    body = b'transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nif-match: "v0"\r\n\r\n'
    answer = await _raw(plane, f"PUT {API}/version HTTP/1.1\r\n", body)
    assert answer.startswith(b"HTTP/1.1 200")


async def test_an_upload_is_asked_for_only_where_it_is_taken(plane: Plane) -> None:
    for declared, first in ((5, b"HTTP/1.1 100"), (10**14, b"HTTP/1.1 413")):
        reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
        head = (
            f"PUT {API}/version HTTP/1.1\r\n{HEAD}expect: 100-continue\r\ncontent-length: {declared}\r\n\r\n"
        )
        writer.write(head.encode())
        async with asyncio.timeout(10):
            assert (await reader.readline()).startswith(first)
            if declared == 5:
                writer.write(b"hello")
                await reader.readline()
                assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_strangers_learn_nothing_by_options(plane: Plane) -> None:
    async with httpx.AsyncClient(base_url=plane.url) as stranger:
        assert (await stranger.options(f"{API}/options")).status_code == 401
