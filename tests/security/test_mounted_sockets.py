"""A plugin may write where its own socket lies. What it puts there never leads to a neighbour."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway.contract.client import PluginClient
from gateway.contract.errors import GarbageAnswer, NotAnswering
from gateway.model import Access, Endpoint, RouteRule
from tests.fakes.contract_plugin import ContractPlugin, serve
from tests.fakes.data_plane import Plane, endpoint, route
from tests.fakes.proxy_fixtures import one, plane, plugin

__all__ = ["one", "plane", "plugin"]  # fixtures

OPEN = (RouteRule(path_prefix="/", access=Access.PUBLIC),)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "io").mkdir()
    return tmp_path / "io" / "plugin.sock"


@pytest.fixture
async def thief(place: Path, plane: Plane, plugin: ContractPlugin) -> Endpoint:
    """A plugin that everyone may call, and whose socket is a link to that of ``plugin``."""
    at = replace(endpoint(f"unix:{place}", "thief"), mounted=True)
    plane.publish(route(at, plugin="thief", rules=OPEN))
    return at


@pytest.fixture
async def stranger(plane: Plane) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=plane.url, timeout=10) as client:
        yield client


async def test_a_link_leads_no_call_to_a_neighbour(
    thief: Endpoint, place: Path, one: Endpoint, plugin: ContractPlugin, stranger: httpx.AsyncClient
) -> None:
    assert (await stranger.get("/plugins/notes/api/x")).status_code == 401
    place.symlink_to(one.address.removeprefix("unix:"))
    assert (await stranger.get("/plugins/thief/api/x")).status_code == 503
    # Streams take the other way, over gRPC's own connections.
    upload = await stranger.put("/plugins/thief/api/x", content=b"u" * 2_000_000)
    assert upload.status_code in (502, 503)
    client = PluginClient(thief)
    with pytest.raises(NotAnswering):
        await client.check("thief", 2.0)
    await client.close()
    assert plugin.calls == []


async def test_a_link_in_place_of_a_socket_that_was_good_is_not_followed_either(
    thief: Endpoint, place: Path, one: Endpoint, plugin: ContractPlugin, stranger: httpx.AsyncClient
) -> None:
    """gRPC connects again by itself, as soon as a plugin closes its connection."""
    own = ContractPlugin()
    server = await serve(thief.address, own)
    body = b"u" * 2_000_000
    assert (await stranger.put("/plugins/thief/api/x", content=body)).status_code == 201
    assert own.calls == ["/x"]
    await server.stop(0)
    place.unlink(missing_ok=True)
    place.symlink_to(one.address.removeprefix("unix:"))
    for _ in range(3):
        assert (await stranger.put("/plugins/thief/api/x", content=body)).status_code in (502, 503)
        assert (await stranger.get("/plugins/thief/api/x")).status_code == 503
    assert plugin.calls == []


async def test_a_socket_that_is_made_late_or_anew_is_found(
    thief: Endpoint, place: Path, stranger: httpx.AsyncClient
) -> None:
    client = PluginClient(thief)
    body = b"u" * 2_000_000
    assert (await stranger.put("/plugins/thief/api/x", content=body)).status_code in (502, 503)
    with pytest.raises(NotAnswering):
        await client.check("thief", 2.0)
    for _ in range(2):
        server = await serve(thief.address, ContractPlugin())
        assert (await stranger.put("/plugins/thief/api/x", content=body)).status_code == 201
        with pytest.raises(GarbageAnswer, match="does not offer"):
            await client.check("thief", 2.0)
        await server.stop(0)
    await client.close()


async def test_a_socket_that_is_held_is_let_go_again(thief: Endpoint, place: Path) -> None:
    server = await serve(thief.address, ContractPlugin())

    def held() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async def once() -> None:
        client = PluginClient(thief)
        with contextlib.suppress(GarbageAnswer):
            await client.describe()
        await client.close()

    await once()
    before = held()
    for _ in range(20):
        await once()
    assert held() < before + 10
    await server.stop(None)
