"""Calls to plugins over TCP with mutual TLS, by both connections: unary and streams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway.model import Endpoint, InstanceId, TlsFiles
from tests.fakes.authority import Authority
from tests.fakes.contract_plugin import ContractPlugin, serve_tls
from tests.fakes.data_plane import Plane, route
from tests.fakes.proxy_fixtures import client, plane

__all__ = ["client", "plane"]  # fixtures

API = "/plugins/notes/api"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


@pytest.fixture
async def secure(authority: Authority) -> AsyncIterator[Endpoint]:
    """A plugin called notes-0, and what the gateway needs to call it."""
    server, port = await serve_tls("127.0.0.1:0", ContractPlugin(), authority.server_credentials("notes-0"))
    certificate, key = authority.issue("gateway")
    tls = TlsFiles(ca=authority.path, certificate=certificate, key=key, server_name="notes-0")
    yield Endpoint(instance_id=InstanceId("one"), address=f"127.0.0.1:{port}", incarnation="1", tls=tls)
    await server.stop(None)


async def test_calls_streams_and_uploads(plane: Plane, client: httpx.AsyncClient, secure: Endpoint) -> None:
    plane.publish(route(secure))
    assert (await client.get(f"{API}/x")).json()["path"] == "/x"
    assert (await client.get(f"{API}/stream/3000000")).content == b"first;" + b"z" * 3_000_000
    assert (await client.put(f"{API}/files", content=b"u" * 3_000_000)).text == "3000000"


async def test_a_plugin_of_another_name_gets_no_call(
    plane: Plane, client: httpx.AsyncClient, secure: Endpoint
) -> None:
    assert secure.tls is not None
    plane.publish(route(replace(secure, tls=replace(secure.tls, server_name="notes-1"))))
    assert (await client.get(f"{API}/x")).status_code == 503


async def test_a_plugin_of_another_authority_gets_no_call(
    plane: Plane, client: httpx.AsyncClient, secure: Endpoint, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    assert secure.tls is not None
    other = Authority(tmp_path / "other", "ca")
    plane.publish(route(replace(secure, tls=replace(secure.tls, ca=other.path))))
    assert (await client.get(f"{API}/x")).status_code == 503


async def test_a_gateway_without_the_right_certificate_is_refused(
    plane: Plane, client: httpx.AsyncClient, secure: Endpoint, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    assert secure.tls is not None
    certificate, key = Authority(tmp_path / "other", "ca").issue("gateway")
    plane.publish(route(replace(secure, tls=replace(secure.tls, certificate=certificate, key=key))))
    assert (await client.get(f"{API}/x")).status_code == 503
