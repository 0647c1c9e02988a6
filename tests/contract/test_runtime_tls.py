"""Mutual TLS between gateway and plugin: who gets in, and who does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from plugway.plugin.v1 import plugin_pb2, plugin_pb2_grpc

from gateway.home import Home
from gateway.runtimes.base import RuntimeInstance
from gateway.runtimes.process import ProcessRuntime
from gateway.settings import Settings
from tests.contract.runtime_kit import describe, spec


@pytest.fixture
async def plugin(home: Home) -> AsyncIterator[RuntimeInstance]:
    runtime = ProcessRuntime(home, Settings.model_validate({"home": home.path}), "tcp")
    instance = await runtime.start(spec())
    await describe(instance)
    yield instance
    await runtime.stop(instance.id, 1)
    await runtime.close()


async def knock(
    instance: RuntimeInstance, *, ca: bytes, cert: bytes | None, key: bytes | None, name: str
) -> None:
    assert instance.endpoint is not None
    credentials = grpc.ssl_channel_credentials(ca, key, cert)
    options = [("grpc.ssl_target_name_override", name)]
    async with grpc.aio.secure_channel(instance.endpoint.address, credentials, options=options) as channel:
        stub = plugin_pb2_grpc.PluginServiceStub(channel)
        await stub.Describe(plugin_pb2.DescribeRequest(contract_versions=[1]), timeout=5)


async def test_only_the_gateway_gets_in(plugin: RuntimeInstance, home: Home) -> None:
    assert plugin.endpoint is not None
    files = plugin.endpoint.tls
    assert files is not None
    ca = Path(files.ca).read_bytes()
    cert, key = Path(files.certificate).read_bytes(), Path(files.key).read_bytes()
    await knock(plugin, ca=ca, cert=cert, key=key, name=plugin.id)
    with pytest.raises(grpc.RpcError):
        await knock(plugin, ca=ca, cert=None, key=None, name=plugin.id)
    # Another instance on a reused port.
    with pytest.raises(grpc.RpcError):
        await knock(plugin, ca=ca, cert=cert, key=key, name="other.1.0")
    # A plugin with its own certificate, which is good for serving only.
    own = home.run_directory(plugin.id) / "tls"
    with pytest.raises(grpc.RpcError):
        await knock(
            plugin,
            ca=ca,
            cert=(own / "cert.pem").read_bytes(),
            key=(own / "key.pem").read_bytes(),
            name=plugin.id,
        )


async def test_without_tls_nobody_gets_in(plugin: RuntimeInstance) -> None:
    assert plugin.endpoint is not None
    async with grpc.aio.insecure_channel(plugin.endpoint.address) as channel:
        stub = plugin_pb2_grpc.PluginServiceStub(channel)
        with pytest.raises(grpc.RpcError):
            await stub.Describe(plugin_pb2.DescribeRequest(contract_versions=[1]), timeout=5)


def test_private_keys_are_private(plugin: RuntimeInstance, home: Home) -> None:
    keys = [*(home.path / "pki").glob("*.key"), *home.run_root.rglob("key.pem")]
    assert len(keys) == 3
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}
