"""Channels: back quickly after an outage, and mutual TLS where the endpoint asks for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2

from gateway.contract.channel import open_channel
from gateway.contract.client import Health, PluginClient
from gateway.contract.errors import NotAnswering
from gateway.model import Endpoint, InstanceId, TlsFiles
from tests.fakes.authority import Authority


@asynccontextmanager
async def healthy(address: str, credentials: grpc.ServerCredentials | None = None) -> AsyncIterator[int]:
    async def check(request: Any, context: Any) -> bytes:
        return bytes(health_pb2.HealthCheckResponse(status=1).SerializeToString())

    server = aio.server(options=[("grpc.so_reuseport", 0)])
    handlers: dict[str, Any] = {"Check": grpc.unary_unary_rpc_method_handler(check)}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers),)
    )
    port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)


async def test_a_channel_is_back_soon_after_its_plugin() -> None:
    """At gRPC's defaults the pauses between its tries would have grown to several seconds."""
    with TemporaryDirectory(prefix="pw") as directory:
        address = f"unix:{directory}/s.sock"
        client = PluginClient(Endpoint(instance_id=InstanceId("one"), address=address))
        down_until = time.monotonic() + 4.0
        while time.monotonic() < down_until:
            with pytest.raises(NotAnswering):
                await client.check("x", timeout=1)
            await asyncio.sleep(0.05)
        async with healthy(address):
            back = time.monotonic()
            while True:
                try:
                    await client.check("x", timeout=1)
                    break
                except NotAnswering:
                    assert time.monotonic() - back < 5.0
                    await asyncio.sleep(0.02)
            took = time.monotonic() - back
        await client.close()
        assert took < 2.0


async def test_mutual_tls(tmp_path: Path) -> None:
    (tmp_path / "evil").mkdir()
    authority, evil = Authority(tmp_path, "ca"), Authority(tmp_path / "evil", "ca")
    credentials = authority.server_credentials("notes-0")

    async def ask(port: int, ca: str, pair: tuple[str, str], name: str) -> Health:
        tls = TlsFiles(ca=ca, certificate=pair[0], key=pair[1], server_name=name)
        endpoint = Endpoint(instance_id=InstanceId(name), address=f"127.0.0.1:{port}", tls=tls)
        client = PluginClient(endpoint)
        try:
            return await client.check("x", timeout=3)
        finally:
            await client.close()

    mine = authority.issue("gateway")
    async with healthy("127.0.0.1:0", credentials) as port:
        assert await ask(port, authority.path, mine, "notes-0") is Health.SERVING
        for ca, pair, name in (
            (authority.path, mine, "another-0"),
            (evil.path, mine, "notes-0"),
            (authority.path, evil.issue("gateway"), "notes-0"),
            (authority.path, ("", ""), "notes-0"),
        ):
            with pytest.raises(NotAnswering):
                await ask(port, ca, pair, name)


@pytest.mark.parametrize("mounted", [False, True], ids=["addressed", "mounted"])
async def test_every_kind_of_call_passes_with_its_own_metadata(tmp_path: Path, mounted: bool) -> None:
    seen: list[tuple[str, str | bytes]] = []

    async def one(request: Any, context: Any) -> bytes:
        seen.extend(context.invocation_metadata())
        return b"yes"

    async def many(request: Any, context: Any) -> AsyncIterator[bytes]:
        yield await one(request, context)

    make: dict[str, Any] = {
        "unary_unary": grpc.unary_unary_rpc_method_handler(one),
        "unary_stream": grpc.unary_stream_rpc_method_handler(many),
        "stream_unary": grpc.stream_unary_rpc_method_handler(one),
        "stream_stream": grpc.stream_stream_rpc_method_handler(many),
    }
    server = aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.B", make),))
    server.add_insecure_port(f"unix:{tmp_path}/s.sock")
    await server.start()
    plugin = "" if mounted else "notes"
    channel = open_channel(
        Endpoint(
            instance_id=InstanceId("one"), address=f"unix:{tmp_path}/s.sock", mounted=mounted, plugin=plugin
        )
    )

    async def nothing() -> AsyncIterator[bytes]:
        for _ in ():
            yield b""

    for kind in make:
        request = nothing() if kind.startswith("stream") else b""
        call = getattr(channel, kind)(f"/a.B/{kind}")(request, metadata=(("x-own", kind),))
        answer = await call if kind.endswith("unary") else await call.read()
        assert answer == b"yes"
        assert ("x-own", kind) in seen
        assert (("plugway-plugin", "notes") in seen) is bool(plugin)
        seen.clear()
    await channel.close()
    await server.stop(None)
