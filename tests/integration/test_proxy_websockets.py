"""WebSockets through the real server, with a client that is none of ours."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from gateway.call_limits import Limits
from gateway.model import Endpoint, PluginState
from gateway.proxy.server import GuardedWebSocket
from gateway.settings import Settings
from tests.fakes.contract_plugin import ContractPlugin, serve
from tests.fakes.data_plane import AUTH, TOKEN, Plane, endpoint, route, running_plane, served, until
from tests.fakes.proxy_fixtures import one, plane, plugin

__all__ = ["one", "plane", "plugin"]  # fixtures

HANDSHAKE = (
    f"GET /plugins/notes/api/ws HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n"
    "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
).encode()


def dial(plane: Plane, path: str = "/ws", **options: Any) -> connect:
    options.setdefault("additional_headers", AUTH)
    return connect(f"ws://127.0.0.1:{plane.port}/plugins/notes/api{path}", proxy=None, **options)


async def _closed(socket: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed):
        await socket.recv()
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


async def test_messages_pass_both_ways(plugin: ContractPlugin, plane: Plane) -> None:
    async with dial(plane) as socket:
        for message in ("text", "", "ünïcode", b"bytes", b"", bytes(range(256))):
            await socket.send(message)
            assert await socket.recv() == message
        assert socket.response is not None
        assert socket.response.headers["x-plugin"] == "yes"


async def test_big_messages_pass_whole(plugin: ContractPlugin, plane: Plane) -> None:
    async with dial(plane, max_size=None) as socket:
        message = bytes(range(256)) * 4096 * 8
        await socket.send(message)
        assert await socket.recv() == message


async def test_the_subprotocol_that_the_plugin_chooses_is_agreed(
    plugin: ContractPlugin, plane: Plane
) -> None:
    offered = [Subprotocol("v2.notes"), Subprotocol("v1.notes")]
    async with dial(plane, "/ws?subprotocol=v1.notes", subprotocols=offered) as socket:
        assert socket.subprotocol == "v1.notes"
    with pytest.raises(InvalidStatus) as refused:
        await dial(plane, "/ws?subprotocol=never.offered", subprotocols=offered)
    assert refused.value.response.status_code == 502


@pytest.mark.parametrize(
    ("asked", "seen"), [(1000, 1000), (1012, 1012), (4321, 4321), (1006, 1011), (77, 1011)]
)
async def test_close_codes_of_the_plugin_pass_where_valid(
    plugin: ContractPlugin, plane: Plane, asked: int, seen: int
) -> None:
    async with dial(plane) as socket:
        await socket.send(f"close {asked}")
        assert await _closed(socket) == (seen, "asked")


async def test_close_codes_of_the_client_pass(plugin: ContractPlugin, plane: Plane) -> None:
    async with dial(plane) as socket:
        await socket.send("x")
        await socket.recv()
        await socket.close(4001, "bye")
    await until(lambda: "close 4001 bye" in plugin.calls)


async def test_a_client_that_vanishes_ends_the_exchange(plugin: ContractPlugin, plane: Plane) -> None:
    async with dial(plane) as socket:
        await socket.send("x")
        await socket.recv()
        socket.transport.abort()
    await until(lambda: any(call.startswith("close") for call in plugin.calls))


async def test_a_refusal_is_an_ordinary_answer(plugin: ContractPlugin, plane: Plane) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await dial(plane, "/ws?refuse=1")
    assert refused.value.response.status_code == 403
    assert refused.value.response.body == b"not you"


async def test_strangers_and_foreign_pages_are_refused(plugin: ContractPlugin, plane: Plane) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await dial(plane, additional_headers={})
    assert refused.value.response.status_code == 401
    cookie = {"cookie": f"plugway_session={plane.gatekeeper.start_session()}"}
    with pytest.raises(InvalidStatus) as refused:
        await dial(plane, additional_headers=cookie, origin="https://evil.example")
    assert refused.value.response.status_code == 403
    async with dial(plane, additional_headers=cookie, origin=plane.url) as socket:
        await socket.send("x")
        assert await socket.recv() == "x"


async def test_a_plugin_that_is_away_says_so(plane: Plane) -> None:
    plane.publish(route(state=PluginState.STARTING))
    with pytest.raises(InvalidStatus) as refused:
        await dial(plane)
    assert refused.value.response.status_code == 503
    assert refused.value.response.headers["retry-after"] == "1"
    unknown = f"ws://127.0.0.1:{plane.port}/plugins/nobody/api/ws"
    with pytest.raises(InvalidStatus) as refused:
        await connect(unknown, additional_headers=AUTH, proxy=None)
    assert refused.value.response.status_code == 404


async def test_sockets_beyond_the_places_for_streams_count_towards_the_limit(
    plugin: ContractPlugin, one: Endpoint, tmp_path: Path
) -> None:
    async with running_plane(tmp_path / "streamless", max_streams=0) as plane:
        plane.publish(route(one, limits=Limits(max_concurrent=1)))
        async with dial(plane):
            with pytest.raises(InvalidStatus) as refused:
                await dial(plane)
            assert refused.value.response.status_code == 503
        await until(lambda: plane.data_plane.metrics.of("notes", "1.0.0", "r1").active == 0)
        async with dial(plane):
            pass


async def test_a_plugin_that_dies_closes_with_service_restart(plane: Plane, tmp_path: Path) -> None:
    at = endpoint(f"unix:{tmp_path}/dying.sock")
    server = await serve(at.address, ContractPlugin())
    plane.publish(route(at))
    async with dial(plane) as socket:
        await socket.send("x")
        await socket.recv()
        await server.stop(None)
        async with asyncio.timeout(10):
            assert (await _closed(socket))[0] == 1012


@pytest.mark.parametrize("kind", ["text", "bytes"])
async def test_a_message_in_fragments_arrives_as_one(plugin: ContractPlugin, plane: Plane, kind: str) -> None:
    text = "ünï" * 600_000
    whole: Any = text if kind == "text" else text.encode()
    parts = [whole[at : at + 99_999] for at in range(0, len(whole), 99_999)]
    async with dial(plane, max_size=None) as socket:
        await socket.send(parts)
        assert await socket.recv() == whole
        assert await asyncio.wait_for(await socket.ping(b"still here"), 10) >= 0


async def test_the_gateway_answers_pings_itself(plugin: ContractPlugin, plane: Plane) -> None:
    async with dial(plane, "/ws?deaf=1") as socket:
        assert await asyncio.wait_for(await socket.ping(b"who is there"), 10) >= 0


async def test_a_client_that_answers_no_ping_is_let_go(plugin: ContractPlugin, plane: Plane) -> None:
    async with served(
        plane.data_plane, Settings.model_validate({}), ws_ping_interval=0.1, ws_ping_timeout=0.1
    ) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HANDSHAKE)
        async with asyncio.timeout(20):
            await reader.readuntil(b"\r\n\r\n")
            frames = await reader.read()
        assert frames[0] == 0x89, "it asked"
        assert b"\x03\xf3keepalive" in frames, "and closed with 1011"
        writer.close()
    await until(lambda: any(call.startswith("close") for call in plugin.calls))


async def test_a_client_that_reads_nothing_holds_the_plugin_back(
    plugin: ContractPlugin, plane: Plane
) -> None:
    async with dial(plane, "/ws?flood=1", max_queue=4, ping_interval=None) as socket:
        before = -1
        while plugin.sent != before:
            before = plugin.sent
            await asyncio.sleep(0.5)
        assert 0 < plugin.sent < 32 * 2**20
        socket.transport.abort()
    await until(lambda: "exchange" in plugin.cancelled)


async def test_a_plugin_that_reads_nothing_holds_the_client_back(
    plugin: ContractPlugin, plane: Plane
) -> None:
    sent = 0

    async def flood(socket: ClientConnection) -> None:
        nonlocal sent
        while True:
            await socket.send(b"u" * 65536)
            sent += 65536

    async with dial(plane, "/ws?deaf=1", ping_interval=None) as socket:
        flooding = asyncio.create_task(flood(socket))
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.5)
        assert 0 < sent < 32 * 2**20
        flooding.cancel()
        plugin.go_on.set()
        socket.transport.abort()


async def test_no_compression_is_agreed(plugin: ContractPlugin, plane: Plane) -> None:
    async with dial(plane, compression="deflate") as socket:
        assert socket.response is not None
        assert "sec-websocket-extensions" not in socket.response.headers


async def test_a_message_of_endless_empty_parts_ends_the_socket(plugin: ContractPlugin, plane: Plane) -> None:
    async with dial(plane, "/ws?crumbs=70000") as socket:
        assert (await asyncio.wait_for(_closed(socket), 40))[0] == 1009


async def test_pings_of_a_client_that_takes_no_pong_are_not_gathered(
    plugin: ContractPlugin, plane: Plane
) -> None:
    held: list[int] = []

    class Watched(GuardedWebSocket):
        def handle_ping(self) -> None:
            super().handle_ping()
            held.append(self.transport.get_write_buffer_size())

    ping = b"\x89\xfd\0\0\0\0" + b"p" * 125
    async with served(plane.data_plane, Settings.model_validate({}), ws=Watched) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(1200):
            writer.write(ping * 100)
            async with asyncio.timeout(20):
                await writer.drain()
        await until(lambda: len(held) > 100_000, within=30)
        assert max(held) < 2**20
        # What it asked last is answered when it reads again.
        taken = 0
        async with asyncio.timeout(20):
            while taken < 1000:
                taken += len(await reader.read(65536))
        writer.transport.abort()
