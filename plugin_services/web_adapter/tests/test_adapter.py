"""Calls through the adapter, over the real contract, to a real HTTP server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from ipaddress import ip_address
from pathlib import Path

import pytest
from plugway_sdk.testing import PluginClient
from plugway_sdk.testing.websocket import WebSocketClosed, WebSocketRefused

from tests.fakes.addresses import PRIVATE, PUBLIC
from tests.fakes.http_api import Upstream

Adapter = Callable[..., AbstractAsyncContextManager[PluginClient]]


async def test_a_page_without_an_api(only_page: PluginClient) -> None:
    said = (await only_page.describe()).manifest
    assert (said.id, said.version, list(said.permissions.egress)) == ("panel", "1.2.3", [])
    assert await only_page.ui() == {"index.js": b"export function mount() {}\n"}
    answer = await only_page.get("/anything")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:plugway:problem:no-api"


async def test_a_call_goes_through_as_it_is(adapter: Adapter, upstream: Upstream) -> None:
    async with adapter(f"{upstream.base}/v1/") as client:
        said = (await client.describe()).manifest
        assert list(said.permissions.egress) == [upstream.base.removeprefix("http://")]
        answer = await client.post(
            "/a%2Fb/ü%20x?q=1&q=%32",
            content=b"hello",
            headers={"x-mine": "1", "cookie": "session=secret", "x-forwarded-for": "1.2.3.4"},
        )
    seen = answer.json()
    assert answer.status_code == 201
    assert (seen["method"], seen["body"]) == ("POST", "hello")
    assert seen["path"] == "/v1/a%2Fb/%C3%BC%20x"
    assert seen["query"] == "q=1&q=%32"
    assert seen["headers"]["host"] == upstream.base.removeprefix("http://")
    assert seen["headers"]["x-mine"] == "1"
    assert not {"cookie", "x-forwarded-for", "transfer-encoding"} & set(seen["headers"])
    assert answer.headers["x-own"] == "yes"
    assert "x-hop" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/../secret", "/a/%2e%2e/%2E%2E/secret", "/a/..%2fsecret", "/a/..%5c..%5cx"]
)
async def test_no_path_leads_out_of_the_api(adapter: Adapter, upstream: Upstream, path: str) -> None:
    async with adapter(f"{upstream.base}/v1") as client:
        answer = await client.get(path)
    assert answer.status_code == 400
    assert answer.json()["reason"] == "bad-path"


async def test_an_upload_is_streamed(adapter: Adapter, upstream: Upstream) -> None:
    parts = 64

    async def body() -> AsyncIterator[bytes]:
        for number in range(parts):
            yield bytes(256 * 1024)
            if number == 2:
                # The API has begun to read what is not sent yet.
                await asyncio.wait_for(upstream.begun.wait(), 10)

    async with adapter(f"{upstream.base}/v1") as client:
        answer = await client.post("/count", content=body())
    assert answer.json() == parts * 256 * 1024


async def test_events_come_as_they_are_made_and_end_when_the_client_leaves(
    adapter: Adapter, upstream: Upstream
) -> None:
    async with adapter(f"{upstream.base}/v1") as client:
        async with client.stream("GET", "/events") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            seen = []
            async for event in answer.aiter_events():
                seen.append(event.data)
                if len(seen) == 3:
                    break
            assert seen == ["0", "1", "2"]
        await asyncio.wait_for(upstream.left.wait(), 10)


async def test_a_client_that_leaves_ends_the_call_at_the_api(adapter: Adapter, upstream: Upstream) -> None:
    async with adapter(f"{upstream.base}/v1") as client:
        call = asyncio.create_task(client.get("/slow"))
        await asyncio.wait_for(upstream.begun.wait(), 10)
        call.cancel()
        await asyncio.wait_for(upstream.left.wait(), 10)


async def test_redirects_inside_the_api_stay_inside_the_plugin(adapter: Adapter, upstream: Upstream) -> None:
    async with adapter(f"{upstream.base}/v1") as client:
        inside = await client.get("/moved")
        outside = await client.get("/elsewhere")
    assert (inside.status_code, inside.headers["location"]) == (307, "/plugins/panel/api/new?x=1")
    assert outside.headers["location"] == "https://other.example/v1/new"


async def test_an_api_that_is_away_is_a_503_with_its_reason(adapter: Adapter) -> None:
    async with adapter("http://127.0.0.1:9/v1") as client:
        answer = await client.get("/x")
    assert (answer.status_code, answer.json()["reason"]) == (503, "api-away")
    assert answer.headers["retry-after"] == "5"


async def test_an_address_of_this_machine_is_refused_unless_the_operator_listed_it(
    adapter: Adapter, upstream: Upstream
) -> None:
    async with adapter(f"{upstream.base}/v1", private=False) as client:
        answer = await client.get("/x")
        assert (answer.status_code, answer.json()["reason"]) == (502, "address-refused")
        with pytest.raises(WebSocketRefused):
            async with client.websocket("/socket"):
                pass
    assert not upstream.begun.is_set()


def test_addresses_are_judged_as_the_gateway_judges_them() -> None:
    from web_adapter.addresses import is_public

    assert [text for text in PRIVATE if is_public(ip_address(text))] == []
    assert [text for text in PUBLIC if not is_public(ip_address(text))] == []


async def test_through_a_relay_the_host_is_named_and_not_looked_up(
    adapter: Adapter, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[0])
        port = int(upstream.base.rpartition(":")[2])
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while part := await source.read(65536):
                target.write(part)
            target.close()

        await asyncio.gather(pump(reader, back), pump(there, writer))

    path = tmp_path / "relay.sock"
    server = await asyncio.start_unix_server(relay, path)
    monkeypatch.setenv("PLUGWAY_EGRESS", f"unix:{path}")
    async with adapter("http://api.invalid:8000/v1", private=False) as client:
        assert (await client.get("/x")).status_code == 201
        async with client.websocket("/socket") as socket:
            await socket.send("hi")
            assert await socket.receive() == "HI"
    server.close()
    assert asked == ["CONNECT api.invalid:8000 HTTP/1.1"] * 2


async def test_websockets_go_both_ways(adapter: Adapter, upstream: Upstream) -> None:
    async with adapter(f"{upstream.base}/v1") as client:
        async with client.websocket("/socket", subprotocols=["other", "chat"]) as socket:
            assert socket.subprotocol == "chat"
            await socket.send("hello")
            assert await socket.receive() == "HELLO"
            await socket.send("end")
            with pytest.raises(WebSocketClosed) as closed:
                await socket.receive()
        assert (closed.value.code, closed.value.reason) == (4001, "as asked")
        async with client.websocket("/socket"):
            pass
        await asyncio.wait_for(upstream.left.wait(), 10)
        with pytest.raises(WebSocketRefused):
            async with client.websocket("/closed"):
                pass


async def test_an_answer_that_breaks_off_is_not_taken_for_whole(adapter: Adapter, upstream: Upstream) -> None:
    async with adapter(f"{upstream.base}/v1") as client:
        with pytest.raises(Exception, match="the app failed while answering"):
            await client.get("/broken")
