"""Requests at the border of HTTP, sent byte by byte to the real server."""

from __future__ import annotations

import asyncio

import pytest

from gateway.proxy.server import GuardedHttp, uvicorn_options
from gateway.settings import Settings
from tests.fakes.contract_plugin import ContractPlugin
from tests.fakes.data_plane import TOKEN, Plane, served
from tests.fakes.proxy_fixtures import one, plane, plugin

__all__ = ["one", "plane", "plugin"]  # fixtures

SETTINGS = Settings.model_validate({})
START = f"POST /plugins/notes/api/x HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n".encode()
HIDDEN = b"GET /plugins/notes/api/hidden HTTP/1.1\r\nhost: localhost\r\n\r\n"


async def exchange(port: int, data: bytes, within: float = 10.0) -> bytes:
    """Send, half-close, and read whatever comes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await asyncio.wait_for(_read_all(reader), within)
    finally:
        writer.close()


async def _read_all(reader: asyncio.StreamReader) -> bytes:
    got = b""
    try:
        while part := await reader.read(65536):
            got += part
    except ConnectionError:
        pass
    return got


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
        b"content-length: 4\r\ncontent-length: 60\r\n\r\nbody",
        b"content-length: 4, 60\r\n\r\nbody",
        b"content-length: +4\r\n\r\nbody",
        b"content-length: 0x4\r\n\r\nbody",
        b"content-length: -1\r\n\r\nbody",
        b"content-length : 4\r\n\r\nbody",
        b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n-1\r\nbody\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\nzz\r\nbody\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\nffffffffffffffff1\r\nbody\r\n0\r\n\r\n",
        b"x-a: 1\r\n folded\r\n\r\n",
        b"x-a\0b: 1\r\n\r\n",
        b"x-a: 1\0\r\n\r\n",
        b"x a: 1\r\n\r\n",
        b": 1\r\n\r\n",
        b"x-a: 1\rx-b: 2\r\n\r\n",
        b"x-a: 1\nx-b: 2\r\n\r\n",
        b"content-length: 4\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"x-a: 1\n\n",
        b"transfer-encoding: chunked\r\n\r\n4\nbody\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n4\r\nbody\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n4\r\nbodyxx\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
        b"Transfer_Encoding: chunked\r\ntransfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_ambiguous_requests_end_the_connection(
    plugin: ContractPlugin, plane: Plane, head: bytes
) -> None:
    answer = await exchange(plane.port, START + head + HIDDEN)
    assert b"/hidden" not in b"".join(call.encode() for call in plugin.calls)
    # One answer at most for the first request, then the end.
    statuses = [line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert statuses
    assert statuses[-1].startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in answer


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/9.9",
        b"get / HTTP/1.1",
        b"\x16\x03\x01\x02\x00",
        b"GET /\x01 HTTP/1.1",
    ],
)
async def test_what_is_no_http_is_400(plane: Plane, line: bytes) -> None:
    answer = await exchange(plane.port, line + b"\r\nhost: localhost\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")


async def test_pipelined_requests_are_answered_in_order(plugin: ContractPlugin, plane: Plane) -> None:
    auth = f"authorization: Bearer {TOKEN}\r\n".encode()
    requests = b"".join(
        b"GET /plugins/notes/api/n/%d HTTP/1.1\r\nhost: localhost\r\n%s%s\r\n"
        % (n, auth, b"connection: close\r\n" if n == 2 else b"")
        for n in range(3)
    )
    answer = await exchange(plane.port, requests)
    assert plugin.calls == ["/n/0", "/n/1", "/n/2"]
    assert answer.count(b"HTTP/1.1 200") == 3


@pytest.mark.parametrize(
    "head",
    [
        b"x-long: " + b"a" * 1_000_000 + b"\r\n\r\n",
        b"x-long: " + b"a" * 1_000_000,
        b"".join(b"x-%d: 1\r\n" % n for n in range(20_000)) + b"\r\n",
        b"x" * 100_000,
    ],
)
async def test_heads_beyond_the_limit_are_431(plugin: ContractPlugin, plane: Plane, head: bytes) -> None:
    answer = await exchange(plane.port, START + head)
    assert answer.startswith(b"HTTP/1.1 431")
    assert plugin.calls == []


async def test_a_url_beyond_the_limit_is_431(plane: Plane) -> None:
    answer = await exchange(plane.port, b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 431")


async def test_a_head_that_never_ends_is_408(plane: Plane) -> None:
    options = uvicorn_options(SETTINGS)
    slow = type("Slow", (GuardedHttp,), {"head_seconds": 0.3})
    async with served(plane.data_plane, SETTINGS, **{**options, "http": slow}) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n")
        assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 408")
        writer.close()
        # A connection that says nothing at all is closed without a word.
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
