"""What hostile clients do with HTTP/2: each ends its own connection, and no call of anybody else."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import httpx
import pytest
from h2.events import ConnectionTerminated, ResponseReceived, StreamReset
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from gateway.proxy.http2.connection import STREAMS, Http2
from gateway.settings import Settings
from tests.fakes.contract_plugin import ContractPlugin
from tests.fakes.data_plane import Plane, served, until
from tests.fakes.http2_client import Fields, Http2Client, fields, http2
from tests.fakes.proxy_fixtures import client, one, plane, plugin

__all__ = ["client", "one", "plane", "plugin"]  # fixtures

API = "/plugins/notes/api"
CALM, PROTOCOL = 11, 1
SETTINGS = Settings.model_validate({})


async def _ended_with(attacker: Http2Client, *codes: int) -> None:
    await attacker.until_closed()
    ends = [event.error_code for event in attacker.events if isinstance(event, ConnectionTerminated)]
    assert ends, "it was told"
    assert ends[0] in codes


async def _others_are_served(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"{API}/x")).status_code == 200


def _frames(kind: str) -> Callable[[int], Frame]:
    made: dict[str, Callable[[int], Frame]] = {
        "ping": lambda n: PingFrame(0, opaque_data=n.to_bytes(8, "big")),
        "settings": lambda n: SettingsFrame(0, settings={4: 65535 - n % 2}),
        "priority": lambda n: PriorityFrame(2 * n + 1, depends_on=0, stream_weight=1),
        "window": lambda n: WindowUpdateFrame(0, window_increment=1),
    }
    return made[kind]


@pytest.mark.parametrize("kind", ["ping", "settings", "priority", "window"])
async def test_a_flood_of_frames_that_carry_no_call(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient, kind: str
) -> None:
    make = _frames(kind)
    async with http2(plane.port) as attacker:
        for start in range(0, 20_000, 100):
            await attacker.frames(*(make(n) for n in range(start, start + 100)))
            await asyncio.sleep(0)
            if attacker.closed:
                break
        # With frames still on their way the goodbye may be lost, the end is not.
        await attacker.until_closed()
    await _others_are_served(client)


async def test_rapid_resets(plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient) -> None:
    async with http2(plane.port) as attacker:
        for number in range(1, 4001, 2):
            head = attacker.h2.encoder.encode(fields(f"{API}/hang"))
            opening = HeadersFrame(number, data=head, flags=["END_HEADERS", "END_STREAM"])
            await attacker.frames(opening, RstStreamFrame(number, error_code=8))
            if attacker.closed:
                break
        await attacker.until_closed()
    # Most were taken back before their work began.
    assert len(plugin.calls) <= 250
    await until(lambda: plugin.running == 0)
    await _others_are_served(client)


async def test_more_calls_at_once_than_allowed(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient
) -> None:
    async with http2(plane.port) as attacker:
        for number in range(1, 2 * STREAMS + 4, 2):
            head = attacker.h2.encoder.encode(fields(f"{API}/hang"))
            await attacker.frames(HeadersFrame(number, data=head, flags=["END_HEADERS", "END_STREAM"]))
        await _ended_with(attacker, PROTOCOL)
    assert len(plugin.calls) <= STREAMS
    plugin.go_on.set()
    await _others_are_served(client)


async def test_a_head_in_endless_parts(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient
) -> None:
    async with http2(plane.port) as attacker:
        await attacker.frames(HeadersFrame(1, data=b"\x00\x01a\x01b"))
        for _ in range(2000):
            await attacker.frames(ContinuationFrame(1, data=b"\x00\x01a\x7f" + b"b" * 127))
            if attacker.closed:
                break
        await _ended_with(attacker, CALM, PROTOCOL)
    await _others_are_served(client)


async def test_a_head_that_unpacks_to_megabytes(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient
) -> None:
    async with http2(plane.port) as attacker:
        # One header of 4,000 bytes into the table, then named a thousand times by one byte each.
        big = attacker.h2.encoder.encode([*fields(f"{API}/x"), (b"x-big", b"v" * 3900)])
        await attacker.frames(HeadersFrame(1, data=big + b"\xbe" * 8000, flags=["END_HEADERS", "END_STREAM"]))
        await _ended_with(attacker, CALM, PROTOCOL, 9)
    assert plugin.calls == []
    await _others_are_served(client)


async def test_a_head_beyond_the_limit_is_431(plugin: ContractPlugin, plane: Plane) -> None:
    async with http2(plane.port) as asking:
        number = await asking.ask(*fields(f"{API}/x", "GET", (b"x-long", b"v" * 70_000)))
        answer = await asking.wait_for(ResponseReceived, number)
        assert dict(answer.headers)[b":status"] == b"431"
        again = await asking.ask(*fields(f"{API}/x"))
        answer = await asking.wait_for(ResponseReceived, again)
        assert dict(answer.headers)[b":status"] == b"200"


_BAD_HEADS: dict[str, Fields] = {
    "upper case": [*fields("/x"), (b"X-Upper", b"1")],
    "line break": [*fields("/x"), (b"x-a", b"1\r\nset-cookie: a=b")],
    "nul": [*fields("/x"), (b"x-a", b"1\x00")],
    "chunked": [*fields("/x"), (b"transfer-encoding", b"chunked")],
    "connection": [*fields("/x"), (b"connection", b"authorization")],
    "two hosts": [*fields("/x"), (b"host", b"evil.example")],
    "no path": [pair for pair in fields("/x") if pair[0] != b":path"],
    "late pseudo": [*fields("/x"), (b":path", b"/y")],
    "unknown pseudo": [(b":odd", b"1"), *fields("/x")],
    "no name": [*fields("/x"), (b"", b"1")],
    "no length": [*fields("/x", "POST"), (b"content-length", b"five")],
}


@pytest.mark.parametrize("name", list(_BAD_HEADS))
async def test_heads_that_mean_something_else_elsewhere_never_pass(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient, name: str
) -> None:
    head = [(key, value.replace(b"/x", API.encode() + b"/x", 1)) for key, value in _BAD_HEADS[name]]
    async with http2(plane.port) as attacker:
        data = attacker.h2.encoder.encode(head)
        await attacker.frames(HeadersFrame(1, data=data, flags=["END_HEADERS", "END_STREAM"]))
        await _ended_with(attacker, PROTOCOL)
    assert plugin.calls == []
    await _others_are_served(client)


@pytest.mark.parametrize("length", [b"5", b"+0", b"0_0", b" 0", b"-1"])
async def test_a_length_is_digits_and_true(plugin: ContractPlugin, plane: Plane, length: bytes) -> None:
    async with http2(plane.port) as asking:
        await asking.ask(*fields(f"{API}/x", "POST", (b"content-length", length)))
        while not any(isinstance(e, (ConnectionTerminated, ResponseReceived)) for e in asking.events):
            assert await asking.read()
        answers = [dict(e.headers)[b":status"] for e in asking.events if isinstance(e, ResponseReceived)]
        assert answers in ([], [b"400"])
    assert plugin.calls == []


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("*", b"400"), ("http://evil.example/x", b"400"), (f"{API}/x#y", b"400"), (f"{API}/x y", b"400"),
        (f"{API}/\x7f", b"400"), (f"{API}/../../x", b"400"), (f"{API}/%2e%2e/x", b"400"),
    ],
)  # fmt: skip
async def test_targets_are_held_to_the_same_rules(
    plugin: ContractPlugin, plane: Plane, target: str, status: bytes
) -> None:
    async with http2(plane.port) as asking:
        number = await asking.ask(*fields(target))
        answer = await asking.wait_for(ResponseReceived, number)
        assert dict(answer.headers)[b":status"] == status
    assert plugin.calls == []


async def test_no_tunnel_is_opened(plugin: ContractPlugin, plane: Plane) -> None:
    async with http2(plane.port) as asking:
        number = await asking.ask((b":method", b"CONNECT"), (b":authority", b"10.0.0.1:22"), ended=False)
        answer = await asking.wait_for(ResponseReceived, number)
        head = dict(answer.headers)
        assert (head[b":status"], head[b"allow"][:9]) == (b"405", b"GET, HEAD")


async def test_data_beyond_the_window(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient
) -> None:
    async with http2(plane.port) as attacker:
        number = await attacker.ask(*fields(f"{API}/slow", "PUT"), ended=False)
        for _ in range(2000):
            await attacker.frames(DataFrame(number, data=b"u" * 16384))
            if attacker.closed:
                break
        await attacker.until_closed()
    assert plugin.received < 2 * 2**20
    await _others_are_served(client)


async def test_a_client_that_takes_nothing_is_let_go(plugin: ContractPlugin, plane: Plane) -> None:
    impatient = type("Impatient", (Http2,), {"stall_seconds": 0.5})
    async with served(plane.data_plane, SETTINGS, http=impatient) as port, http2(port, window=0) as attacker:
        number = await attacker.ask(*fields(f"{API}/bytes/1000000"))
        reset = await attacker.wait_for(StreamReset, number)
        assert reset.error_code == 8


@pytest.mark.parametrize("begun", ["nothing", "preface", "part of a head"])
async def test_a_connection_that_never_comes_to_a_call(
    plugin: ContractPlugin, plane: Plane, begun: str
) -> None:
    slow = type("Slow", (Http2,), {"head_seconds": 0.5, "frame_seconds": 0.5})
    async with served(plane.data_plane, SETTINGS, http=slow) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if begun != "nothing":
            writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize())
        if begun == "part of a head":
            writer.write(HeadersFrame(1, data=b"\x82").serialize()[:7])
        async with asyncio.timeout(10):
            while await reader.read(65536):
                pass
        writer.close()


async def test_a_table_of_gigabytes_is_not_kept_for_a_client(plugin: ContractPlugin, plane: Plane) -> None:
    async with http2(plane.port) as asking:
        await asking.frames(SettingsFrame(0, settings={1: 2**30}))
        number = await asking.ask(*fields(f"{API}/x"))
        asking.h2.decoder.max_allowed_table_size = 2**30
        await asking.wait_for(ResponseReceived, number)
        assert asking.h2.decoder.header_table_size == 4096


async def test_noise_ends_that_connection_only(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    for seed in range(60):
        async with http2(plane.port) as attacker:
            noise = os.urandom(20) if seed % 2 else b""
            kind, flags = seed % 12, os.urandom(1)
            length = len(noise).to_bytes(3, "big")
            stream = (seed % 3).to_bytes(4, "big")
            await attacker.raw(length + bytes([kind]) + flags + stream + noise)
            await attacker.raw(os.urandom(200))
            attacker.writer.write_eof()
            async with asyncio.timeout(20):
                while await attacker.reader.read(65536):
                    pass
    assert "Fatal error" not in caplog.text
    assert "Traceback" not in caplog.text
    await _others_are_served(client)
