"""What the runtime contract needs: the tiny plugin as a release, a client for it, waiting for a condition."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from plugway.plugin.v1 import http_pb2, plugin_pb2, plugin_pb2_grpc

from gateway.digests import tree_digest
from gateway.model import (
    DirectoryArtifact,
    Endpoint,
    ImageArtifact,
    InstanceId,
    InstanceState,
    Permissions,
    PluginId,
    Release,
    ReleaseId,
    Source,
    Tier,
    VerifiedRelease,
)
from gateway.runtimes.base import InstanceSpec, Runtime, RuntimeInstance

TINY = Path(__file__).resolve().parents[1] / "fakes" / "tiny_plugin"
TINY_ARTIFACT = DirectoryArtifact(
    path=str(TINY),
    digest=tree_digest(TINY),
    command=("{python}", "-m", "tiny"),
    image="plugway-test/tiny",
)


def tiny(
    artifact: DirectoryArtifact | ImageArtifact = TINY_ARTIFACT, permissions: Permissions | None = None
) -> VerifiedRelease:
    return VerifiedRelease(
        Release(
            id=ReleaseId(f"tiny-{artifact.digest[-12:]}"),
            plugin_id=PluginId("tiny"),
            version="1.0.0",
            name="Tiny",
            source=Source.BUILT_IN,
            tier=Tier.BUILT_IN,
            artifact=artifact,
            permissions=permissions or Permissions(volumes=("data",)),
        )
    )


def with_command(*command: str) -> VerifiedRelease:
    """The same files under another digest, as the command is one of them (in plugway.toml)."""
    digest = f"sha256:{hashlib.sha256(repr((TINY_ARTIFACT.digest, command)).encode()).hexdigest()}"
    return tiny(replace(TINY_ARTIFACT, command=command, digest=digest))


def spec(release: VerifiedRelease | None = None, id_: str = "tiny.1.0") -> InstanceSpec:
    return InstanceSpec(id=InstanceId(id_), release=release or tiny())


T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T | None]], seconds: float = 20.0) -> T:
    """What ``look`` gives as soon as it gives something."""
    deadline = time.monotonic() + seconds
    while True:
        found = await look()
        if found is not None and found is not False:
            return found
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.02)


def _channel(endpoint: Endpoint) -> grpc.aio.Channel:
    if endpoint.tls is None:
        return grpc.aio.insecure_channel(endpoint.address)
    files = endpoint.tls
    ca, cert, key = (Path(name).read_bytes() for name in (files.ca, files.certificate, files.key))
    return grpc.aio.secure_channel(
        endpoint.address,
        grpc.ssl_channel_credentials(ca, key, cert),
        options=[("grpc.ssl_target_name_override", files.server_name)],
    )


async def ask(instance: RuntimeInstance, path: str, argument: str = "", seconds: float = 20.0) -> str:
    """What the plugin answers; waits until it listens."""
    assert instance.endpoint is not None
    query = urlencode({"a": argument}).encode()
    request = http_pb2.HttpRequest(method="GET", path=path.encode(), query=query)
    async with _channel(instance.endpoint) as channel:
        stub = plugin_pb2_grpc.PluginServiceStub(channel)
        answer = await stub.Handle(
            plugin_pb2.HandleRequest(request=request), wait_for_ready=True, timeout=seconds
        )
    return answer.body.decode()


async def describe(instance: RuntimeInstance, seconds: float = 20.0) -> plugin_pb2.DescribeResponse:
    assert instance.endpoint is not None
    async with _channel(instance.endpoint) as channel:
        stub = plugin_pb2_grpc.PluginServiceStub(channel)
        request = plugin_pb2.DescribeRequest(contract_versions=[1])
        return await stub.Describe(request, wait_for_ready=True, timeout=seconds)


async def serving(instance: RuntimeInstance, service: str = "") -> bool:
    assert instance.endpoint is not None
    async with _channel(instance.endpoint) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(
            health_pb2.HealthCheckRequest(service=service), wait_for_ready=True, timeout=20
        )
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def seen(runtime: Runtime, id_: str) -> RuntimeInstance | None:
    return next((instance for instance in await runtime.list() if instance.id == id_), None)


async def exited(runtime: Runtime, id_: str) -> RuntimeInstance:
    """The instance once the runtime sees that it has ended."""

    async def look() -> RuntimeInstance | None:
        instance = await seen(runtime, id_)
        return instance if instance is not None and instance.state is InstanceState.EXITED else None

    return await until(look)
