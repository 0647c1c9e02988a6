"""WebSockets through the real server, with a client that is none of ours."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from gateway.model import Endpoint, Limits, PluginState
from tests.fakes.contract_plugin import ContractPlugin, serve
from tests.fakes.data_plane import AUTH, Plane, endpoint, route, until
from tests.fakes.proxy_fixtures import one, plane, plugin

__all__ = ["one", "plane", "plugin"]  # fixtures


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


async def test_sockets_count_towards_the_limit(plugin: ContractPlugin, plane: Plane, one: Endpoint) -> None:
    plane.publish(route(one, limits=Limits(max_concurrent=1)))
    async with dial(plane):
        with pytest.raises(InvalidStatus) as refused:
            await dial(plane)
        assert refused.value.response.status_code == 503
    await until(lambda: plane.data_plane.metrics.of("notes", "1.0.0").active == 0)
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
