"""The same rules for every kind of answer: in one message, streamed, to an upload, to a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from plugway.plugin.v1 import http_pb2 as http
from plugway.plugin.v1 import plugin_pb2 as pb

from gateway.call_limits import Limits
from gateway.model import Endpoint, InstanceId
from tests.fakes.contract_plugin import ContractPlugin, response, serve
from tests.fakes.data_plane import TOKEN, Plane, route
from tests.fakes.proxy_fixtures import client, one, plane

__all__ = ["client", "one", "plane"]  # fixtures

API = "/plugins/notes/api"
FORBIDDEN = (
    ("Set-Cookie", "plugway_session=stolen; Path=/"),
    ("Content-Security-Policy", "script-src *"),
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    ("Clear-Site-Data", '"*"'),
    ("Service-Worker-Allowed", "/"),
)
SPLIT = ("x-a", "1\r\nset-cookie: a=b\r\n\r\n<script>")
KINDS = ["message", "stream", "upload", "websocket yes", "websocket no"]


class Liar(ContractPlugin):
    """Answers with the headers and the parts that a test gives it, in whichever way it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.headers: tuple[tuple[str, str], ...] = ()
        self.parts: tuple[bytes, ...] = (b"part",)
        self.accepts = True
        self.streams = False

    async def _handle(self, path: str, request: pb.HandleRequest, context: Any) -> pb.HandleResponse:
        head = response(200, *self.headers)
        if self.streams:
            return pb.HandleResponse(response=head, continuation="rest")
        return pb.HandleResponse(response=head, body=b"".join(self.parts))

    async def ReadBody(  # noqa: N802
        self, request: pb.ReadBodyRequest, context: Any
    ) -> AsyncIterator[pb.ReadBodyResponse]:
        for part in self.parts:
            yield pb.ReadBodyResponse(chunk=part)

    async def _upload(
        self, start: http.HttpRequest, requests: AsyncIterator[pb.ExchangeRequest]
    ) -> AsyncIterator[pb.ExchangeResponse]:
        async for frame in requests:
            if frame.body.end:
                break
        yield pb.ExchangeResponse(http_start=response(200, *self.headers))
        for part in self.parts:
            yield pb.ExchangeResponse(body=http.BodyChunk(data=part))
        yield pb.ExchangeResponse(body=http.BodyChunk(end=True))

    async def _websocket(
        self, start: http.WebSocketOpen, requests: AsyncIterator[pb.ExchangeRequest]
    ) -> AsyncIterator[pb.ExchangeResponse]:
        head = response(403, *self.headers)
        if not self.accepts:
            yield pb.ExchangeResponse(http_start=head)
            yield pb.ExchangeResponse(body=http.BodyChunk(data=b"no", end=True))
            return
        yield pb.ExchangeResponse(websocket_accept=http.WebSocketAccept(headers=head.headers))
        async for _ in requests:
            pass


@pytest.fixture
async def liar(one: Endpoint, plane: Plane) -> AsyncIterator[Liar]:
    liar = Liar()
    server = await serve(one.address, liar)
    plane.publish(route(one))
    yield liar
    await server.stop(None)


async def ask(plane: Plane, liar: Liar, kind: str) -> tuple[int, bytes]:
    """The status, and all that comes within a moment, byte for byte."""
    liar.streams, liar.accepts = kind == "stream", kind == "websocket yes"
    head = f"/x HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n"
    asked = f"GET {API}{head}\r\n".encode()
    if kind == "upload":
        asked = f"PUT {API}{head}content-length: 2000000\r\n\r\n".encode() + b"u" * 2_000_000
    if kind.startswith("websocket"):
        upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
        key = "sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
        asked = f"GET {API}{head}{upgrade}{key}\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    writer.write(asked)
    got = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    try:
        async with asyncio.timeout(0.3):
            while more := await reader.read(65536):
                got += more
    except (TimeoutError, ConnectionError):
        pass
    writer.close()
    return int(got.split(b" ", 2)[1]), got


@pytest.mark.parametrize("kind", KINDS)
async def test_no_answer_of_any_kind_speaks_for_the_host(liar: Liar, plane: Plane, kind: str) -> None:
    liar.headers = (*FORBIDDEN, ("x-fine", "1"))
    status, got = await ask(plane, liar, kind)
    assert status == {"websocket yes": 101, "websocket no": 403}.get(kind, 200)
    assert b"x-fine: 1" in got
    for name, value in FORBIDDEN:
        assert f"{name}: {value}".lower().encode() not in got.lower()


@pytest.mark.parametrize("kind", KINDS)
async def test_no_answer_of_any_kind_is_split(liar: Liar, plane: Plane, kind: str) -> None:
    liar.headers = (SPLIT,)
    status, got = await ask(plane, liar, kind)
    assert status == 502
    assert b"<script>" not in got
    assert b"a=b" not in got


@pytest.mark.parametrize("kind", ["stream", "upload"])
@pytest.mark.parametrize("declared", [3, 9], ids=["too little", "too much"])
async def test_a_lying_length_ends_the_connection_and_nothing_leaks_into_the_next_answer(
    liar: Liar, plane: Plane, client: httpx.AsyncClient, kind: str, declared: int
) -> None:
    """What goes beyond the declared length would be read as the head of the next answer."""
    liar.headers, liar.parts = (("content-length", str(declared)),), (b"HTTP", b"/1.1 200")
    liar.parts = (b"12", b"34") if declared > 4 else liar.parts
    status, got = await ask(plane, liar, kind)
    assert status == 200
    assert len(got.partition(b"\r\n\r\n")[2]) <= declared
    assert got.count(b"HTTP/1.1") == 1
    liar.streams = True
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get(f"{API}/x")
    liar.headers = ()
    assert (await client.get(f"{API}/x")).content == b"".join(liar.parts)


async def test_an_endless_message_is_cut_at_its_time(
    liar: Liar, plane: Plane, client: httpx.AsyncClient, one: Endpoint
) -> None:
    """Beyond its window nothing more is taken; a plugin that keeps to HTTP/2 waits, and is late."""
    plane.publish(route(one, limits=Limits(timeout=1.0)))
    liar.parts = (b"x" * 9_000_000,)
    assert (await client.get(f"{API}/x")).status_code == 504
    assert plane.outcomes.failures(InstanceId("one"))[0] == 1
    liar.parts = (b"fine",)
    assert (await client.get(f"{API}/x")).content == b"fine"
