"""A plugin may write where its own socket lies. What it puts there never leads to a neighbour."""

from __future__ import annotations

import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Iterator
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


def held() -> list[str]:
    """Descriptors of sockets that lie in a file system, be they gone or not."""
    found = []
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(each.readlink()))
    return [one for one in found if "plugin.sock" in one]


@pytest.fixture
def no_collector() -> Iterator[None]:
    """It runs when it likes, so nothing may be left to it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
async def test_a_socket_that_is_held_is_let_go_with_its_client(thief: Endpoint) -> None:
    server = await serve(thief.address, ContractPlugin())
    for _ in range(5):
        client = PluginClient(thief)
        with contextlib.suppress(GarbageAnswer):
            await client.describe()
        assert len(held()) == 1
        await client.close()
        assert held() == []
    await server.stop(None)


@pytest.mark.usefixtures("no_collector")
async def test_a_plugin_that_makes_its_socket_anew_without_end_takes_no_descriptors(
    thief: Endpoint, place: Path, stranger: httpx.AsyncClient
) -> None:
    client = PluginClient(thief)
    for _ in range(12):
        place.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as own:
            own.bind(str(place))
        with pytest.raises(NotAnswering):
            await client.check("thief", 1.0)
        assert (await stranger.put("/plugins/thief/api/x", content=b"u" * 2_000_000)).status_code in (
            502,
            503,
        )
    # What is in use and three that may still be, for the client and for the data plane.
    assert len(held()) <= 8
    await client.close()
    assert len(held()) <= 4
