"""Uploads and WebSockets that a draining plugin refused are taken by the other one, where that is safe."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gateway.model import Access, Endpoint, ReleaseId, RouteRule
from tests.fakes.contract_plugin import ContractPlugin, serve
from tests.fakes.data_plane import AUTH, Plane, endpoint, route, until
from tests.fakes.proxy_fixtures import client, one, plane, plugin

__all__ = ["client", "one", "plane", "plugin"]  # fixtures

# More than fits into one message.
PARTS = [os.urandom(50_000) for _ in range(40)]
BOUND = {"x-plugway-release": "r1"}


@pytest.fixture
async def successor(
    plugin: ContractPlugin, plane: Plane, one: Endpoint, tmp_path: Path
) -> AsyncIterator[ContractPlugin]:
    """The other release; ``plugin`` has all calls, and refuses them."""
    other, successor = endpoint(f"unix:{tmp_path}/q.sock", "two"), ContractPlugin()
    server = await serve(other.address, successor)
    base = route(one)
    new = replace(
        base.targets[0],
        release_id=ReleaseId("r2"),
        version="2.0.0",
        endpoints=(other,),
        weight=0,
        warm=True,
    )
    plane.publish(replace(base, targets=(base.targets[0], new)))
    plugin.draining = True
    yield successor
    successor.go_on.set()
    await server.stop(None)


async def slowly(pause: float) -> AsyncIterator[bytes]:
    for part in PARTS:
        yield part
        await asyncio.sleep(pause)


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("pause", [0.0, 0.02])
async def test_an_upload_is_begun_anew_whole(
    successor: ContractPlugin, client: httpx.AsyncClient, pause: float, declared: bool
) -> None:
    headers = {"content-length": str(sum(map(len, PARTS)))} if declared else {}
    answer = await client.post("/plugins/notes/api/up", content=slowly(pause), headers=headers)
    assert answer.status_code == 201, answer.text[:200]
    assert successor.calls == ["/up"]
    assert successor.uploaded.digest() == hashlib.sha256(b"".join(PARTS)).digest()


async def test_an_upload_that_was_refused_late_is_not_begun_anew(
    plugin: ContractPlugin, successor: ContractPlugin, client: httpx.AsyncClient
) -> None:
    """What is not held any more cannot be sent again, and half an upload is none."""
    plugin.refuses_after = 2 * 2**20
    answer = await client.post("/plugins/notes/api/up", content=os.urandom(4 * 2**20))
    assert answer.status_code == 503, answer.text
    assert successor.calls == []


async def test_where_both_refuse_the_client_is_told(
    successor: ContractPlugin, client: httpx.AsyncClient, plane: Plane
) -> None:
    successor.draining = True
    answer = await client.post("/plugins/notes/api/up", content=slowly(0.0))
    assert answer.status_code == 503, answer.text
    with pytest.raises(InvalidStatus) as refused:
        await dial(plane)
    assert refused.value.response.status_code == 503
    await until(lambda: active(plane) == [0, 0])


def active(plane: Plane) -> list[float]:
    """Calls that run, by release."""
    samples = [sample for metric in plane.data_plane.metrics.collect() for sample in metric.samples]
    return [sample.value for sample in samples if sample.name == "plugway_calls_active"]


def dial(plane: Plane, headers: dict[str, str] | None = None) -> connect:
    sent = {**AUTH, **(headers or {})}
    return connect(f"ws://127.0.0.1:{plane.port}/plugins/notes/api/ws", additional_headers=sent, proxy=None)


async def test_a_websocket_is_opened_by_the_other(
    plugin: ContractPlugin, successor: ContractPlugin, plane: Plane
) -> None:
    async with dial(plane) as socket:
        # It speaks with the successor: that one goes on, though the other refuses everything.
        await socket.send("hello")
        assert await socket.recv() == "hello"
    await until(lambda: active(plane) == [0, 0])


async def test_what_belongs_to_a_page_stays_on_its_release(
    successor: ContractPlugin, client: httpx.AsyncClient, plane: Plane
) -> None:
    answer = await client.post("/plugins/notes/api/up", content=slowly(0.0), headers=BOUND)
    assert answer.status_code == 503, answer.text
    with pytest.raises(InvalidStatus) as refused:
        await dial(plane, BOUND)
    assert refused.value.response.status_code == 503
    assert successor.calls == []


async def test_nobody_comes_to_a_release_that_would_not_have_let_them_in(
    successor: ContractPlugin, plane: Plane
) -> None:
    (found,) = plane.routes.values()
    old, new = found.targets
    public = replace(old, rules=(RouteRule(path_prefix="/", access=Access.PUBLIC),))
    plane.publish(replace(found, targets=(public, new)))
    async with httpx.AsyncClient(base_url=plane.url, timeout=20) as stranger:
        bodies: list[Any] = [None, b"short", slowly(0.0)]
        for body in bodies:
            answer = await stranger.post("/plugins/notes/api/up", content=body)
            assert answer.status_code == 503, answer.text
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{plane.port}/plugins/notes/api/ws", proxy=None)
    assert refused.value.response.status_code == 503
    assert successor.calls == []
