"""Files that are answered at once: byte for byte what the usual way answers, and under the same limits."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.proxy.access_log import AccessLog
from gateway.proxy.server import GuardedHttp
from gateway.proxy.split import Front
from gateway.settings import Settings
from tests.fakes.data_plane import Plane, route, running_plane, served, until
from tests.fakes.proxy_fixtures import plane

__all__ = ["plane"]  # fixtures

PATIENCE = 20.0
SCRIPT = b"export function mount(root) { root.textContent = 'hello'; }\n" * 700
LARGE = os.urandom(900_000)


class Watched:
    """The application, which counts what reaches it; ``prompt`` is what the connection may use."""

    def __init__(self, plane: Plane, *, prompt: bool) -> None:
        self._app = Front(plane.data_plane, plane.data_plane)
        self.prompt = self._app.prompt if prompt else None
        self.calls = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        await self._app(scope, receive, send)


class Server:
    def __init__(self, port: int, app: Watched, connections: list[set[Any]]) -> None:
        self.port = port
        self.app = app
        self.connections = connections

    async def connect(self) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self.port))


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def call(self, request: bytes) -> bytes:
        """The whole answer, as it was sent."""
        self.writer.write(request)
        return await self.answer(bodiless=request.startswith(b"HEAD"))

    async def answer(self, *, bodiless: bool = False) -> bytes:
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            size = 0 if bodiless or length is None else int(length[1])
            return head + await self.reader.readexactly(size)

    async def rest(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@pytest.fixture
async def assets(plane: Plane) -> str:
    """The path of the bundle under its capability."""
    bundle = await plane.bundle(page_js=SCRIPT, other_js=SCRIPT, large_bin=LARGE, my__page_js=b"1")
    plane.publish(route(ui=bundle))
    return f"/plugins/notes/ui/~{plane.data_plane._uis.capability('notes', bundle).decode()}/"


@pytest.fixture
async def at_once(plane: Plane, tmp_path: Path) -> AsyncIterator[Server]:
    app, connections = Watched(plane, prompt=True), list[set[Any]]()
    async with served(app, Settings.model_validate({"home": tmp_path / "home"}), connections) as port:
        yield Server(port, app, connections)


@pytest.fixture
async def usual(plane: Plane, tmp_path: Path) -> AsyncIterator[Server]:
    app = Watched(plane, prompt=False)
    async with served(app, Settings.model_validate({"home": tmp_path / "home"})) as port:
        yield Server(port, app, [])


def get(path: str, *lines: str, method: str = "GET", version: str = "1.1", body: bytes = b"") -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/{version}", "host: here", *lines, "", "")).encode() + body


def counted(plane: Plane) -> tuple[list[int], int]:
    counters = plane.data_plane.metrics.of("notes", "1.0.0", "r1").route("ui")
    return list(counters.calls), sum(counters.buckets)


def undated(answer: bytes) -> bytes:
    answer = re.sub(rb"\r\ndate: [^\r]+", b"\r\ndate:", answer)
    # Of a refusal: no two are the same.
    return re.sub(rb'(x-request-id: |"request_id":\s*")[0-9a-f-]+', b"", answer)


PLAIN = {
    "plain": (),
    "br": ("accept-encoding: gzip, deflate, br",),
    "gzip": ("Accept-Encoding: gzip",),
    "two lines": ("accept-encoding: br;q=0", "ACCEPT-ENCODING: gzip"),
    "a frame's": ("origin: null", "sec-fetch-mode: cors", "accept: */*", "connection: keep-alive"),
}
ODD = {
    "range": get("page.js", "range: bytes=5-99"),
    "if-range": get("page.js", "range: bytes=5-99", 'if-range: "other"'),
    "known": get("page.js", "if-none-match: *"),
    "not known": get("page.js", 'if-none-match: "other"'),
    "head": get("page.js", method="HEAD"),
    "post": get("page.js", "content-length: 2", method="POST", body=b"ab"),
    "body": get("page.js", "content-length: 2", body=b"ab"),
    "empty body": get("page.js", "content-length: 0"),
    "chunked body": get("page.js", "transfer-encoding: chunked", body=b"1\r\na\r\n0\r\n\r\n"),
    "te": get("page.js", "te: trailers", "connection: te"),
    "h2c": get("page.js", "connection: upgrade", "upgrade: h2c"),
    "query": get("page.js?a=1"),
    "percent": get("p%61ge.js"),
    "no such file": get("none.js"),
    "dots": get("../page.js"),
    "close": get("page.js", "connection: close"),
    "http/1.0": get("page.js", version="1.0"),
    "http/1.0 kept": get("page.js", "connection: keep-alive", version="1.0"),
}


def placed(request: bytes, assets: str) -> bytes:
    """With the path of the bundle before the file's."""
    return request.replace(b" ", b" " + assets.encode(), 1)


async def three_times(server: Server, request: bytes, plane: Plane) -> tuple[list[bytes], Any, int]:
    """The answers, what was added to the counts, and how often the application was asked.

    The first is read from the disk or made ready, the second parsed, the third known by its bytes.
    """
    (before, timed), asked = counted(plane), server.app.calls
    client, answers = await server.connect(), []
    for _ in range(3):
        if client.reader.at_eof():
            await client.close()
            client = await server.connect()
        answers.append(undated(await client.call(request)))
        if b"connection: close" in answers[-1]:
            answers.append(await client.rest())
    await client.close()
    calls, times = counted(plane)
    return (
        answers,
        ([b - a for a, b in zip(before, calls, strict=True)], times - timed),
        server.app.calls - asked,
    )


@pytest.mark.parametrize("kind", PLAIN)
async def test_a_plain_request_is_answered_at_once_and_the_same(
    plane: Plane, assets: str, at_once: Server, usual: Server, kind: str
) -> None:
    request = get(assets + "page.js", *PLAIN[kind])
    expected, counts, asked = await three_times(usual, request, plane)
    assert expected[0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert asked == 3
    assert await three_times(at_once, request, plane) == (expected, counts, 0)


async def test_whatever_is_out_of_the_ordinary_goes_the_usual_way(
    plane: Plane, assets: str, at_once: Server, usual: Server
) -> None:
    await three_times(at_once, get(assets + "page.js"), plane)
    for kind, part in ODD.items():
        request = placed(part, assets)
        assert await three_times(at_once, request, plane) == await three_times(usual, request, plane), kind


async def test_only_what_is_in_memory_for_this_client_is_answered_at_once(
    plane: Plane, assets: str, at_once: Server
) -> None:
    for number, encoding in enumerate(("identity", "gzip"), start=1):
        request = get(assets + "page.js", f"accept-encoding: {encoding}")
        await three_times(at_once, request, plane)
        assert at_once.app.calls == number


async def test_a_path_is_judged_again_with_another_route(
    plane: Plane, assets: str, at_once: Server, usual: Server
) -> None:
    request = get(assets + "page.js")
    await three_times(at_once, request, plane)
    plane.publish(route(ui=await plane.bundle(page_js=b"2")))
    asked = at_once.app.calls
    client = await at_once.connect()
    assert (await client.call(request)).endswith(SCRIPT)
    assert at_once.app.calls == asked + 1
    plane.remove("notes")
    known = await client.call(request)
    await client.close()
    other = await usual.connect()
    assert undated(known) == undated(await other.call(request))
    assert not known.startswith(b"HTTP/1.1 200")
    await other.close()


async def test_requests_that_come_together_are_answered_in_order(
    plane: Plane, assets: str, at_once: Server
) -> None:
    names = ["page.js", "my/page.js", "none.js", "page.js", "large.bin", "my/page.js"]
    requests = [get(assets + name) for name in names]
    client = await at_once.connect()
    apart = [undated(await client.call(request)) for request in requests]
    for _ in range(2):
        client.writer.write(b"".join(requests))
        assert [undated(await client.answer()) for _ in names] == apart
    # A request that is known by its bytes, while one before it is being answered.
    client.writer.write(requests[2])
    await asyncio.sleep(0)
    client.writer.write(requests[0])
    assert [undated(await client.answer()) for _ in range(2)] == [apart[2], apart[0]]
    # In two parts, and in parts that are requests of their own.
    client.writer.write(requests[0][:30])
    await asyncio.sleep(0.05)
    client.writer.write(requests[0][30:] + requests[1])
    assert [undated(await client.answer()) for _ in range(2)] == apart[:2]
    upload = get(assets + "page.js", f"content-length: {len(requests[0])}", method="POST")
    client.writer.write(upload)
    await asyncio.sleep(0.05)
    client.writer.write(requests[0])
    assert (await client.answer()).startswith(b"HTTP/1.1 405")
    assert undated(await client.call(requests[0])) == apart[0]
    await client.close()


@pytest.mark.parametrize("together", [True, False], ids=["together", "apart"])
async def test_a_client_that_reads_nothing_has_one_answer_in_memory(
    plane: Plane, assets: str, at_once: Server, together: bool
) -> None:
    request, number = get(assets + "large.bin"), 40
    await three_times(at_once, request, plane)
    await until(lambda: not at_once.connections[0], PATIENCE)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", at_once.port))
    reader, writer = await asyncio.open_connection(sock=raw, limit=1024)
    client = Client(reader, writer)
    most = 0

    def waiting() -> int:
        nonlocal most
        # A connection of which nothing has come yet is not one of HTTP/1.1 so far.
        taken = [one for one in at_once.connections[0] if isinstance(one, GuardedHttp)]
        most = max(most, *(one.transport.get_write_buffer_size() for one in taken), 0)
        return sum(len(one.pipeline) for one in taken)

    if together:
        writer.write(request * number)
    else:
        for _ in range(number):
            writer.write(request)
            await asyncio.sleep(0.005)
            waiting()
    await until(lambda: waiting() and most, PATIENCE)
    assert 0 < most < 2 * len(LARGE)
    for _ in range(number):
        whole = (await client.answer()).endswith(LARGE)
        assert whole
        waiting()
    assert most < 2 * len(LARGE)
    await client.close()


async def test_the_limits_and_the_timers_hold_after_an_answer_at_once(
    plane: Plane, assets: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.proxy.server.GuardedHttp.head_seconds", 0.5)
    request = get(assets + "page.js")
    app, settings = (
        Watched(plane, prompt=True),
        Settings.model_validate({"home": tmp_path / "home", "max_header_bytes": 4096}),
    )
    async with served(app, settings, timeout_keep_alive=1) as port:
        server = Server(port, app, [])
        await three_times(server, request, plane)
        asked = app.calls
        for then, answer in (
            (b"", b""),
            (request[:30], b"HTTP/1.1 408"),
            (request[:-2] + b"x: " + b"a" * 5000, b"HTTP/1.1 431"),
        ):
            # The first request of its connection, and a later one.
            for times in (1, 2):
                client = await server.connect()
                for _ in range(times):
                    assert (await client.call(request)).endswith(SCRIPT)
                client.writer.write(then)
                rest = await client.rest()
                assert rest.startswith(answer) if answer else not rest
                await client.close()
        assert app.calls == asked


async def test_each_call_has_its_line_where_all_are_logged(tmp_path: Path) -> None:
    lines: list[bytes] = []
    log = AccessLog("json", all_calls=True, write=lines.append)
    async with running_plane(tmp_path / "home", log=log) as plane:
        bundle = await plane.bundle(page_js=SCRIPT)
        plane.publish(route(ui=bundle))
        capability = plane.data_plane._uis.capability("notes", bundle).decode()
        client = Client(*await asyncio.open_connection("127.0.0.1", plane.port))
        for _ in range(3):
            await client.call(get(f"/plugins/notes/ui/~{capability}/page.js"))
        await client.close()
    assert b"".join(lines).count(b'"route": "ui"') == 3
