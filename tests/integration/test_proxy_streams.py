"""Answers and uploads that stream: at once, in constant memory, with back-pressure and limits."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.call_limits import Limits
from gateway.model import Endpoint, InstanceId
from tests.fakes.contract_plugin import ContractPlugin
from tests.fakes.data_plane import TOKEN, Plane, route, until
from tests.fakes.proxy_fixtures import client, one, plane, plugin

__all__ = ["client", "one", "plane", "plugin"]  # fixtures

API = "/plugins/notes/api"


async def test_an_event_stream_begins_at_once(plugin: ContractPlugin, client: httpx.AsyncClient) -> None:
    async with client.stream("GET", f"{API}/events") as answer:
        parts = answer.aiter_raw()
        assert await anext(parts) == b"first;"
        assert answer.headers["content-type"] == "text/event-stream"
        plugin.go_on.set()
        assert await anext(parts) == b"second;"


@pytest.mark.parametrize("read", [True, False], ids=["read by the gateway", "not yet read"])
async def test_leaving_a_stream_cancels_it_in_the_plugin(
    plugin: ContractPlugin, client: httpx.AsyncClient, read: bool
) -> None:
    async with client.stream("GET", f"{API}/events") as answer:
        parts = answer.aiter_raw()  # held: httpx closes the answer where it is dropped
        assert await anext(parts) == b"first;"
        if read:
            await until(lambda: plugin.reading == 1)
    await until(lambda: plugin.cancelled == ["events"])


async def test_a_long_answer_comes_whole(plugin: ContractPlugin, client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{API}/stream/{5_000_000}")
    assert answer.content == b"first;" + b"z" * 5_000_000


async def test_a_client_that_reads_nothing_holds_the_plugin_back(
    plugin: ContractPlugin, client: httpx.AsyncClient
) -> None:
    async with client.stream("GET", f"{API}/endless"):
        await until(lambda: plugin.sent > 0)
        before = -1
        async with asyncio.timeout(20):
            while plugin.sent != before:
                before = plugin.sent
                await asyncio.sleep(0.3)
        # Socket buffers and windows, nothing more.
        assert plugin.sent < 32 * 2**20
    await until(lambda: "endless" in plugin.cancelled)


async def test_an_answer_that_breaks_off_is_seen_to(
    plugin: ContractPlugin, client: httpx.AsyncClient
) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get(f"{API}/cut")
    assert (await client.get(f"{API}/x")).status_code == 200


async def test_silence_beyond_the_limit_ends_a_stream(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient, one: Endpoint
) -> None:
    plane.publish(route(one, limits=Limits(stream_idle=0.2)))
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get(f"{API}/events")
    await until(lambda: plugin.cancelled == ["events"])


async def test_head_of_a_stream_needs_no_body(plugin: ContractPlugin, client: httpx.AsyncClient) -> None:
    assert (await client.head(f"{API}/endless")).status_code == 200
    await until(lambda: "endless" in plugin.cancelled)
    assert (await client.get(f"{API}/x")).status_code == 200


async def _parts(number: int, size: int = 65536) -> AsyncIterator[bytes]:
    for _ in range(number):
        yield b"u" * size


@pytest.mark.parametrize("known", [True, False])
async def test_a_long_upload_streams(plugin: ContractPlugin, client: httpx.AsyncClient, known: bool) -> None:
    headers = {"content-length": str(80 * 65536)} if known else {}
    answer = await client.put(f"{API}/files", content=_parts(80), headers=headers)
    assert (answer.status_code, answer.text) == (201, str(80 * 65536))


async def test_a_short_upload_of_unknown_length_is_one_message(
    plugin: ContractPlugin, client: httpx.AsyncClient
) -> None:
    answer = await client.post(f"{API}/x", content=_parts(2, 10))
    assert answer.json()["body"] == "u" * 20
    assert plugin.received == 0


async def test_a_plugin_that_reads_slowly_holds_the_client_back(
    plugin: ContractPlugin, client: httpx.AsyncClient
) -> None:
    sent = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1024):
            sent += 65536
            yield b"u" * 65536

    upload = asyncio.create_task(client.put(f"{API}/slow", content=parts()))
    await until(lambda: plugin.received > 0)
    before = -1
    while sent != before:
        before = sent
        await asyncio.sleep(0.3)
    assert sent < 32 * 2**20
    plugin.go_on.set()
    assert (await upload).text == str(1024 * 65536)


async def test_a_declared_length_beyond_the_limit_is_refused_unread(
    plugin: ContractPlugin, plane: Plane, client: httpx.AsyncClient, one: Endpoint
) -> None:
    plane.publish(route(one, limits=Limits(max_body=1000)))
    answer = await client.put(f"{API}/files", content=b"x" * 1001)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:plugway:problem:body-too-large")
    assert plugin.calls == []


async def test_an_upload_that_grows_beyond_the_limit_is_cut(
    plugin: ContractPlugin, plane: Plane, one: Endpoint
) -> None:
    plane.publish(route(one, limits=Limits(max_body=3 * 2**20)))
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    head = f"PUT {API}/files HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n"
    writer.write(head.encode() + b"transfer-encoding: chunked\r\n\r\n")
    status = asyncio.create_task(reader.readline())
    sent = 0
    while not status.done() and sent < 64 * 2**20:
        writer.write(b"10000\r\n" + b"u" * 65536 + b"\r\n")
        sent += 65536
        try:
            await writer.drain()
        except ConnectionError:
            break
        await asyncio.sleep(0)
    assert (await status).startswith(b"HTTP/1.1 413")
    assert plugin.received <= 3 * 2**20
    await until(lambda: "exchange" in plugin.cancelled)
    writer.close()


@pytest.mark.parametrize("framing", ["content-length: 8000000", "transfer-encoding: chunked"])
async def test_who_reads_once_all_is_sent_gets_the_answer_too(
    plugin: ContractPlugin, plane: Plane, one: Endpoint, framing: str
) -> None:
    """As most clients do; a connection that is closed under them is reset, and the answer lost with it."""
    plane.publish(route(one, limits=Limits(max_body=3 * 2**20)))
    head = (
        f"PUT {API}/files HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n{framing}\r\n\r\n"
    )
    body = b"u" * 8_000_000 if "length" in framing else (b"%x\r\n%b\r\n" % (10**6, b"u" * 10**6)) * 8

    def send_then_read() -> tuple[bytes, bytes]:
        with socket.create_connection(("127.0.0.1", plane.port), 30) as opened:
            opened.sendall(head.encode() + body)
            first = opened.recv(12)
            return first, b"".join(iter(lambda: opened.recv(65536), b""))

    status, rest = await asyncio.to_thread(send_then_read)
    assert status == b"HTTP/1.1 413"
    assert rest.endswith(b"}")
    await until(lambda: not plane.connections)


@pytest.mark.parametrize("goes_on", [True, False], ids=["sends on for ever", "says nothing more"])
async def test_who_was_answered_and_does_not_leave_is_left(
    plugin: ContractPlugin, plane: Plane, one: Endpoint, monkeypatch: pytest.MonkeyPatch, goes_on: bool
) -> None:
    monkeypatch.setattr("gateway.proxy.linger.Lingering.longest", 0.5 if goes_on else 1000.0)
    monkeypatch.setattr("gateway.proxy.linger.Lingering.quiet", 0.2)
    plane.publish(route(one, limits=Limits(max_body=1000)))
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    head = f"PUT {API}/files HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n"
    writer.write(head.encode() + b"content-length: 99000000000\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    assert plane.connections

    def left() -> bool:
        if goes_on:
            writer.write(b"u" * 1000)
        return not plane.connections

    await until(left, 60)
    writer.close()


async def test_an_answer_before_the_end_of_the_upload_passes(plugin: ContractPlugin, plane: Plane) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    head = f"PUT {API}/early HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n"
    writer.write(head.encode() + b"content-length: 99000000\r\n\r\n" + b"u" * 100_000)
    answer = await asyncio.wait_for(reader.read(), 10)
    assert answer.startswith(b"HTTP/1.1 409")
    assert b"connection: close" in answer
    assert b"no need" in answer
    writer.close()


async def test_a_client_that_leaves_its_upload_cancels_it(plugin: ContractPlugin, plane: Plane) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    head = f"PUT {API}/files HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n"
    writer.write(head.encode() + b"content-length: 99000000\r\n\r\n" + b"u" * 3_000_000)
    await until(lambda: plugin.received > 0)
    writer.close()
    await until(lambda: "exchange" in plugin.cancelled)
    # That is no fault of the plugin's.
    assert plane.outcomes.failures(InstanceId("one")) == (0, "")
    await until(lambda: plane.data_plane.metrics.of("notes", "1.0.0", "r1").active == 0)


@pytest.mark.parametrize("declared", [10, 99_000_000], ids=["one message", "stream"])
async def test_a_body_that_stops_coming_is_answered_408(
    plugin: ContractPlugin, plane: Plane, one: Endpoint, declared: int
) -> None:
    plane.publish(route(one, limits=Limits(body_idle=0.3)))
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    head = f"PUT {API}/files HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n"
    writer.write(f"{head}content-length: {declared}\r\n\r\n".encode() + b"u" * min(declared - 1, 3_000_000))
    answer = await asyncio.wait_for(reader.read(), 10)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"urn:plugway:problem:body-too-slow" in answer
    writer.close()
    # The plugin is told that the upload is over, and is not blamed for it.
    await until(lambda: not plugin.received or "exchange" in plugin.cancelled)
    assert plane.outcomes.failures(InstanceId("one")) == (0, "")


async def test_a_plugin_that_stops_reading_an_upload_is_late(
    plugin: ContractPlugin, plane: Plane, one: Endpoint, client: httpx.AsyncClient
) -> None:
    plane.publish(route(one, limits=Limits(body_idle=0.5)))
    answer = await client.put(f"{API}/slow", content=_parts(1024))
    assert (answer.status_code, answer.json()["plugin"]) == (504, "notes")
    await until(lambda: "exchange" in plugin.cancelled)
    failures, words = plane.outcomes.failures(InstanceId("one"))
    assert failures == 1
    assert "took nothing of the upload" in words
