"""Calls over HTTP/2 in the clear, beside HTTP/1.1 on the same port: the same answers, the same limits."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator

import httpx
import pytest
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    InformationalResponseReceived,
    PingAckReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from hyperframe.frame import GoAwayFrame, PingFrame
from plugway.plugin.v1 import plugin_pb2 as pb

from gateway.call_limits import Limits
from gateway.model import Endpoint
from tests.fakes.contract_plugin import ContractPlugin, header, response
from tests.fakes.data_plane import AUTH, TOKEN, Plane, route, until
from tests.fakes.http2_client import fields, http2
from tests.fakes.proxy_fixtures import one, plane, plugin

__all__ = ["one", "plane", "plugin"]  # fixtures

API = "/plugins/notes/api"


@pytest.fixture
async def client(plane: Plane) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=plane.url, headers=AUTH, timeout=20, http1=False, http2=True
    ) as client:
        yield client


async def test_both_versions_answer_on_one_port(
    plugin: ContractPlugin, client: httpx.AsyncClient, plane: Plane
) -> None:
    answer = await client.put(f"{API}/a%20b/c?x=1", content=b"hello", headers={"x-own": "yes"})
    assert (answer.status_code, answer.http_version) == (200, "HTTP/2")
    seen = answer.json()
    assert (seen["method"], seen["path"], seen["query"], seen["body"]) == ("PUT", "/a%20b/c", "x=1", "hello")
    assert seen["context"]["host"] == f"127.0.0.1:{plane.port}"
    assert seen["context"]["client_address"] == "127.0.0.1"
    assert "date" in answer.headers
    async with httpx.AsyncClient(base_url=plane.url, headers=AUTH) as older:
        assert (await older.get(f"{API}/x")).http_version == "HTTP/1.1"


async def test_many_calls_share_a_connection_and_keep_apart(
    plugin: ContractPlugin, client: httpx.AsyncClient
) -> None:
    answers = await asyncio.gather(*(client.get(f"{API}/n/{n}") for n in range(80)))
    assert [answer.json()["path"] for answer in answers] == [f"/n/{n}" for n in range(80)]


@pytest.mark.parametrize("size", [0, 1, 17_000, 1_000_000, 5_000_000])
async def test_bodies_of_all_sizes_pass_both_ways(
    plugin: ContractPlugin, client: httpx.AsyncClient, size: int
) -> None:
    assert (await client.get(f"{API}/bytes/{size}")).content == b"x" * min(size, 5_000_000)
    assert (await client.get(f"{API}/stream/{size or 1}")).content == b"first;" + b"z" * (size or 1)
    if size:
        up = await client.put(f"{API}/files", content=b"u" * size)
        assert up.status_code in (200, 201)


async def test_a_body_of_unknown_length_passes(plugin: ContractPlugin, client: httpx.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"abc"

    assert (await client.post(f"{API}/x", content=parts())).json()["body"] == "abc" * 3


async def test_head_and_statuses_without_body(plugin: ContractPlugin, client: httpx.AsyncClient) -> None:
    head = await client.head(f"{API}/bytes/1234")
    assert (head.content, head.headers["content-length"]) == (b"", "1234")
    for status in (204, 304, 404, 500):
        assert (await client.get(f"{API}/status/{status}")).status_code == status


async def test_an_event_stream_begins_at_once(plugin: ContractPlugin, client: httpx.AsyncClient) -> None:
    async with client.stream("GET", f"{API}/events") as answer:
        parts = answer.aiter_raw()
        assert await anext(parts) == b"first;"
        plugin.go_on.set()
        assert await anext(parts) == b"second;"


async def test_strangers_are_refused(plugin: ContractPlugin, plane: Plane) -> None:
    async with httpx.AsyncClient(base_url=plane.url, http1=False, http2=True) as stranger:
        answer = await stranger.get(f"{API}/x")
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


async def test_a_reset_cancels_the_call_and_no_other(plugin: ContractPlugin, plane: Plane) -> None:
    async with http2(plane.port) as client:
        hanging = await client.ask(*fields(f"{API}/hang"))
        await until(lambda: plugin.running == 1)
        client.h2.reset_stream(hanging)
        await client.flush()
        await until(lambda: plugin.cancelled == ["/hang"])
        number = await client.ask(*fields(f"{API}/x"))
        await client.wait_for(StreamEnded, number)


async def test_what_runs_when_a_client_says_goodbye_is_answered(plugin: ContractPlugin, plane: Plane) -> None:
    async with http2(plane.port) as client:
        number = await client.ask(*fields(f"{API}/events"))
        await client.wait_for(DataReceived, number)
        await client.frames(GoAwayFrame(0))
        # Taken in by then.
        await client.frames(PingFrame(0, b"12345678"))
        await client.wait_for(PingAckReceived)
        plugin.go_on.set()
        await client.wait_for(StreamEnded, number)
        assert client.body(number).startswith(b"first;second;")
        await client.until_closed()


async def test_a_client_that_leaves_cancels_its_calls(plugin: ContractPlugin, plane: Plane) -> None:
    async with http2(plane.port) as client:
        await client.ask(*fields(f"{API}/events"))
        await client.wait_for(DataReceived)
    await until(lambda: plugin.cancelled == ["events"])


async def test_a_window_that_stays_shut_holds_that_call_only(plugin: ContractPlugin, plane: Plane) -> None:
    async with http2(plane.port, window=1000) as client:
        client.widens = False
        shut = await client.ask(*fields(f"{API}/endless"))
        await client.wait_for(DataReceived, shut)
        before = -1
        while plugin.sent != before:
            before = plugin.sent
            await asyncio.sleep(0.3)
        assert plugin.sent < 32 * 2**20
        other = await client.ask(*fields(f"{API}/status/200"))
        await client.wait_for(StreamEnded, other)
        assert len(client.body(shut)) == 1000


async def test_a_plugin_that_reads_nothing_holds_the_client_back(
    plugin: ContractPlugin, plane: Plane
) -> None:
    async with http2(plane.port) as client:
        number = await client.ask(*fields(f"{API}/slow", "PUT"), ended=False)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 64 * 2**20:
                window = min(client.h2.local_flow_control_window(number), 16384)
                if window:
                    client.h2.send_data(number, b"u" * window)
                    sent += window
                    await client.flush()
                    continue
                async with asyncio.timeout(1):
                    assert await client.read()
        assert 2**20 < sent < 16 * 2**20
        # Another call on the connection has room still.
        other = await client.ask(*fields(f"{API}/x", "POST"), ended=False)
        client.h2.send_data(other, b"x" * 1000, end_stream=True)
        await client.flush()
        await client.wait_for(StreamEnded, other)


async def test_an_answer_before_the_end_of_the_upload_leaves_the_connection(
    plugin: ContractPlugin, plane: Plane
) -> None:
    async with http2(plane.port) as client:
        number = await client.ask(
            *fields(f"{API}/early", "PUT", (b"content-length", b"99000000")), ended=False
        )
        client.h2.send_data(number, b"u" * 10_000)
        await client.flush()
        answer = await client.wait_for(ResponseReceived, number)
        assert dict(answer.headers)[b":status"] == b"409"
        assert b"connection" not in dict(answer.headers)
        reset = await client.wait_for(StreamReset, number)
        assert reset.error_code == 0
        assert client.body(number) == b"no need"
        other = await client.ask(*fields(f"{API}/x"))
        await client.wait_for(StreamEnded, other)


async def test_an_answer_that_breaks_off_is_seen_to(plugin: ContractPlugin, plane: Plane) -> None:
    async with http2(plane.port) as client:
        number = await client.ask(*fields(f"{API}/cut"))
        assert (await client.wait_for(StreamReset, number)).error_code == 2
        other = await client.ask(*fields(f"{API}/x"))
        await client.wait_for(StreamEnded, other)


async def test_trailers_follow_for_those_who_take_them(plugin: ContractPlugin, plane: Plane) -> None:
    plugin.custom = pb.HandleResponse(
        response=response(200), body=b"body", trailers=[header("x-sum", "1"), header("set-cookie", "a=b")]
    )
    async with http2(plane.port) as client:
        number = await client.ask(*fields(f"{API}/custom", "GET", (b"te", b"trailers")))
        trailers = await client.wait_for(TrailersReceived, number)
        assert trailers.headers == [(b"x-sum", b"1")]
        plain = await client.ask(*fields(f"{API}/custom"))
        await client.wait_for(StreamEnded, plain)
        assert client.body(plain) == b"body"


async def test_a_body_is_asked_for_when_it_is_wanted(
    plugin: ContractPlugin, plane: Plane, one: Endpoint
) -> None:
    async with http2(plane.port) as client:
        expects = (b"expect", b"100-continue")
        number = await client.ask(*fields(f"{API}/x", "POST", expects), ended=False)
        await client.wait_for(InformationalResponseReceived, number)
        client.h2.send_data(number, b"x", end_stream=True)
        await client.flush()
        await client.wait_for(StreamEnded, number)
        plane.publish(route(one, limits=Limits(max_body=10)))
        refused = await client.ask(
            *fields(f"{API}/x", "POST", expects, (b"content-length", b"11")), ended=False
        )
        answer = await client.wait_for(ResponseReceived, refused)
        assert dict(answer.headers)[b":status"] == b"413"


async def test_a_server_that_ends_says_goodbye_and_finishes(plugin: ContractPlugin, plane: Plane) -> None:
    async with http2(plane.port) as client:
        number = await client.ask(*fields(f"{API}/hang"))
        await until(lambda: plugin.running == 1)
        for connection in list(plane.connections):
            connection.shutdown()
        goodbye = await client.wait_for(ConnectionTerminated)
        assert (goodbye.error_code, goodbye.last_stream_id) == (0, number)
        plugin.go_on.set()
        # The client's half calls the connection closed, so the frames are only looked at.
        rest = b""
        async with asyncio.timeout(10):
            while part := await client.reader.read(65536):
                rest += part
        assert b'"path": "/hang"' in rest


@pytest.mark.parametrize("option", ["--http2-prior-knowledge", "--http1.1"])
async def test_curl_is_content(plugin: ContractPlugin, plane: Plane, option: str) -> None:
    curl = shutil.which("curl")
    assert curl is not None, "curl is part of what the tests need"
    process = await asyncio.create_subprocess_exec(
        curl, "-sS", "--noproxy", "*", option, "-H", f"authorization: Bearer {TOKEN}",
        "-w", "%{http_version}", "-o", "/dev/null", f"{plane.url}{API}/stream/3000000",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert (process.returncode, out) == (0, b"2" if "2" in option else b"1.1")
