"""Slow on purpose, or without end: neither holds a call, a connection or memory."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

import httpx
import psutil
import pytest

from gateway.call_limits import Limits
from gateway.model import Endpoint, InstanceId
from gateway.proxy.server import GuardedHttp, uvicorn_options
from gateway.settings import Settings
from tests.fakes.contract_plugin import ContractPlugin
from tests.fakes.data_plane import TOKEN, Plane, route, served, until
from tests.fakes.proxy_fixtures import client, one, plane, plugin

__all__ = ["client", "one", "plane", "plugin"]  # fixtures

API = "/plugins/notes/api"
SETTINGS = Settings.model_validate({})
AUTH = f"host: localhost\r\nauthorization: Bearer {TOKEN}\r\n"
MIB = 2**20


async def drip(writer: asyncio.StreamWriter, part: bytes, pause: float) -> None:
    """The same part again and again, until the other side has enough."""
    with contextlib.suppress(ConnectionError):
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)


async def answer_to_drip(port: int, head: str, part: bytes) -> tuple[bytes, float]:
    """What comes back, and after how many seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    writer.write(head.encode())
    dripping = asyncio.create_task(drip(writer, part, 0.05))
    try:
        return await asyncio.wait_for(reader.read(), 10), time.monotonic() - began
    finally:
        dripping.cancel()
        writer.close()


async def test_a_head_that_drips_has_one_time_for_the_whole(plane: Plane) -> None:
    slow = type("Slow", (GuardedHttp,), {"head_seconds": 0.5})
    async with served(plane.data_plane, SETTINGS, **{**uvicorn_options(SETTINGS), "http": slow}) as port:
        answer, took = await answer_to_drip(port, f"GET {API}/x HTTP/1.1\r\n", b"x-a: 1\r\n")
    assert answer.startswith(b"HTTP/1.1 408")
    assert took < 3


async def test_a_short_body_that_drips_has_one_time_for_the_whole(
    plugin: ContractPlugin, plane: Plane, one: Endpoint
) -> None:
    plane.publish(route(one, limits=Limits(timeout=0.5, body_idle=5.0)))
    head = f"POST {API}/x HTTP/1.1\r\n{AUTH}content-length: 1000\r\n\r\n"
    answer, took = await answer_to_drip(plane.port, head, b"u")
    assert answer.startswith(b"HTTP/1.1 408")
    assert took < 3
    assert plugin.calls == []
    assert plane.outcomes.failures(InstanceId("one")) == (0, "")


def reading_nothing(port: int, path: str) -> socket.socket:
    """A client that asks and never reads. Its window is small, so that its answer stays with the server."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.sendall(f"GET {path} HTTP/1.1\r\n{AUTH}\r\n".encode())
    return client


def connections(port: int) -> int:
    """How many clients the server on this port has."""
    found = psutil.Process().net_connections("tcp")
    return sum(one.laddr[1:2] == (port,) and one.status == "ESTABLISHED" for one in found)


async def test_a_stream_that_nobody_takes_is_given_up(
    plugin: ContractPlugin, plane: Plane, one: Endpoint
) -> None:
    plane.publish(route(one, limits=Limits(stream_idle=0.5)))
    with contextlib.closing(reading_nothing(plane.port, f"{API}/endless")):
        await until(lambda: "endless" in plugin.cancelled)
        await until(lambda: plane.data_plane.metrics.of("notes", "1.0.0", "r1").active == 0)
        # The client's slowness is not the plugin's fault.
        assert plane.outcomes.failures(InstanceId("one")) == (0, "")


async def test_an_answer_that_nobody_takes_is_not_kept_for_ever(plugin: ContractPlugin, plane: Plane) -> None:
    options = {**uvicorn_options(SETTINGS), "timeout_keep_alive": 1}
    async with served(plane.data_plane, SETTINGS, **options) as port:
        with contextlib.closing(reading_nothing(port, f"{API}/bytes/{4 * MIB}")):
            await until(lambda: connections(port) == 1)
            await until(lambda: connections(port) == 0)


async def test_ten_gigabytes_in_one_chunk_take_no_memory(
    plugin: ContractPlugin, plane: Plane, one: Endpoint, client: httpx.AsyncClient
) -> None:
    limit = 192 * MIB
    plane.publish(route(one, limits=Limits(max_body=limit)))
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    head = f"PUT {API}/files HTTP/1.1\r\n{AUTH}transfer-encoding: chunked\r\n\r\n"
    writer.write(f"{head}{10 * 2**30:x}\r\n".encode())
    status = asyncio.create_task(reader.readline())
    before, most = psutil.Process().memory_info().rss, 0
    part, sent = b"u" * MIB, 0
    while not status.done() and sent < 2 * limit:
        writer.write(part)
        sent += len(part)
        try:
            await writer.drain()
        except ConnectionError:
            break
        most = max(most, psutil.Process().memory_info().rss)
    assert (await status).startswith(b"HTTP/1.1 413")
    assert limit // 2 < plugin.received <= limit
    assert most - before < limit // 2, "it passed through, and was not gathered"
    writer.close()
    assert (await client.get(f"{API}/x")).status_code == 200


@pytest.mark.parametrize("length", [10 * 2**40, 10**17])
async def test_a_declared_length_beyond_all_measure_is_refused_at_once(
    plugin: ContractPlugin, plane: Plane, length: int
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    writer.write(f"PUT {API}/files HTTP/1.1\r\n{AUTH}content-length: {length}\r\n\r\n".encode())
    assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 413")
    assert plugin.calls == []
    writer.close()
