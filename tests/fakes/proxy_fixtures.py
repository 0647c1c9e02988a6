"""Fixtures for tests of the data plane: a plane, a plugin behind it, a client before it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.model import Endpoint
from tests.fakes.contract_plugin import ContractPlugin, serve
from tests.fakes.data_plane import AUTH, Plane, endpoint, route, running_plane


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[Plane]:
    async with running_plane(tmp_path / "home") as running:
        yield running


@pytest.fixture
async def client(plane: Plane) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=plane.url, headers=AUTH, timeout=20) as client:
        yield client


@pytest.fixture
def one(tmp_path: Path) -> Endpoint:
    """Where the plugin answers."""
    return endpoint(f"unix:{tmp_path}/p.sock")


@pytest.fixture
async def plugin(one: Endpoint, plane: Plane) -> AsyncIterator[ContractPlugin]:
    """A plugin that is routed as ``notes``."""
    plugin = ContractPlugin()
    server = await serve(one.address, plugin)
    plane.publish(route(one))
    yield plugin
    plugin.go_on.set()
    await server.stop(None)
