"""Floods from a plugin, frame by frame: the connection ends, its calls say why, the neighbour goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import psutil
import pytest

from gateway.call_limits import Limits
from gateway.model import Endpoint, InstanceId
from gateway.proxy.wire.frames import (
    ACK,
    DATA,
    END_HEADERS,
    HEADERS,
    PADDED,
    PING,
    RST_STREAM,
    SETTINGS,
    UINT,
    WINDOW_UPDATE,
    frame,
)
from tests.fakes.contract_plugin import ContractPlugin
from tests.fakes.data_plane import Plane, endpoint, route, until
from tests.fakes.proxy_fixtures import client, one, plane, plugin

__all__ = ["client", "one", "plane", "plugin"]  # fixtures

OK = b"\x88"
"""The field ":status: 200"."""

FLOODS: dict[str, bytes] = {
    "pings": frame(PING, 0, 0, b"flooding"),
    "answers to pings": frame(PING, ACK, 0, b"flooding"),
    "settings": frame(SETTINGS, 0, 0),
    "resets": frame(RST_STREAM, 0, 99, UINT.pack(0)),
    "windows": frame(WINDOW_UPDATE, 0, 0, UINT.pack(1)),
    "unknown": frame(0x42, 0, 0, b"x"),
    "priorities": frame(2, 0, 1, bytes(5)),
    "empty data": frame(DATA, 0, 1),
    "padding": frame(DATA, PADDED, 1, b"\x07" + bytes(7)),
    "data of no call": frame(DATA, 0, 77, b"x"),
    "heads of no call": frame(HEADERS, END_HEADERS, 77, OK),
    "heads": frame(HEADERS, END_HEADERS, 1, OK),
}


class Flood:
    """A plugin that takes a call and answers with one frame, for as long as it is listened to."""

    def __init__(self, part: bytes, limit: int) -> None:
        self._part = part * 64
        self._limit = limit
        self.sent = 0
        self.cut = asyncio.Event()

    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(frame(SETTINGS, 0, 0))
        drain = asyncio.create_task(self._take(reader))
        with contextlib.suppress(ConnectionError):
            while self.sent < self._limit:
                writer.write(self._part)
                self.sent += 64
                await writer.drain()
                await asyncio.sleep(0)
        drain.cancel()
        writer.close()
        self.cut.set()

    async def _take(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(65536):
                pass


@pytest.fixture
async def flood(
    tmp_path: Path, plane: Plane, plugin: ContractPlugin
) -> AsyncIterator[Callable[[bytes, int], Flood]]:
    servers = []
    at: Endpoint = endpoint(f"unix:{tmp_path}/flood.sock", "flood")

    async def listen(flood: Flood) -> None:
        servers.append(await asyncio.start_unix_server(flood.speak, f"{tmp_path}/flood.sock"))

    async def make(part: bytes, limit: int) -> Flood:
        flood = Flood(part, limit)
        await listen(flood)
        plane.publish(route(at, plugin="flood", limits=Limits(timeout=8.0)))
        return flood

    yield make  # type: ignore[misc]
    for server in servers:
        server.close()


@pytest.mark.parametrize("kind", FLOODS)
async def test_a_flood_of_frames_ends_that_connection_only(
    flood: Callable[..., object], plane: Plane, client: httpx.AsyncClient, kind: str
) -> None:
    made = await flood(FLOODS[kind], 1_000_000)  # type: ignore[misc]
    before = psutil.Process().memory_info().rss
    asked = asyncio.create_task(client.get("/plugins/flood/api/x"))
    answers = [(await client.get("/plugins/notes/api/x")).status_code for _ in range(20)]
    answer = await asked
    assert (answer.status_code, answer.json()["plugin"]) == (502, "flood")
    await asyncio.wait_for(made.cut.wait(), 10)
    assert made.sent < 100_000, "what lay in the buffers, and not all that it had"
    assert set(answers) == {200}
    assert psutil.Process().memory_info().rss - before < 32 * 2**20
    failures, words = plane.outcomes.failures(InstanceId("flood"))
    assert failures >= 1
    assert "flood" in words, "what its health will say"


async def test_data_beyond_its_window_ends_the_call(
    flood: Callable[..., object], plane: Plane, client: httpx.AsyncClient
) -> None:
    """A plugin that does not keep to its window fills no memory."""
    await flood(frame(DATA, 0, 1, b"x" * 16384), 64 * 1024)  # type: ignore[misc]
    answer = await client.get("/plugins/flood/api/x")
    assert answer.status_code == 502
    await until(lambda: "too long" in plane.outcomes.failures(InstanceId("flood"))[1])
    assert (await client.get("/plugins/notes/api/x")).status_code == 200


BAD_HEADS = {
    "a frame of 16 MB": b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
    "an endless head": frame(HEADERS, 0, 1, OK) + frame(9, 0, 1, b"\x00\x01a\x01b" * 100) * 500,
    "a head of nothings": frame(HEADERS, 0, 1, OK) + frame(9, 0, 1),
}


@pytest.mark.parametrize("kind", BAD_HEADS)
async def test_a_head_without_end_is_refused(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient, tmp_path: Path, kind: str
) -> None:
    """At once, and not when its time is over: nothing of it is waited for or kept."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        with contextlib.suppress(ConnectionError):
            writer.write(frame(SETTINGS, 0, 0) + BAD_HEADS[kind])
            while await reader.read(65536):
                pass
        writer.close()

    server = await asyncio.start_unix_server(speak, f"{tmp_path}/head.sock")
    at = endpoint(f"unix:{tmp_path}/head.sock", "head")
    plane.publish(route(at, plugin="head", limits=Limits(timeout=2.0)))
    answer = await client.get("/plugins/head/api/x")
    assert answer.status_code == 502
    assert "broke the protocol" in plane.outcomes.failures(InstanceId("head"))[1]
    assert (await client.get("/plugins/notes/api/x")).status_code == 200
    server.close()
