"""The real thing once in each runtime: the notes plugin, found, verified, built, started, called."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from plugway.plugin.v1 import http_pb2, plugin_pb2, plugin_pb2_grpc

from gateway.contract.channel import open_channel
from gateway.definition import parse_definition
from gateway.home import Home
from gateway.model import InstanceId
from gateway.runtimes.base import InstanceSpec, Runtime, RuntimeInstance
from gateway.runtimes.docker import DockerRuntime
from gateway.runtimes.process import ProcessRuntime
from gateway.settings import Settings
from gateway.sources.built_in import BuiltInSource
from gateway.trust.verify import verify_release
from tests.contract.runtime_kit import until
from tests.parts import need_docker


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def base_image(request: pytest.FixtureRequest) -> str:
    return need_docker() if request.param == "docker" else ""


@pytest.fixture
async def runtime(home: Home, base_image: str) -> AsyncIterator[Runtime]:
    settings = Settings.model_validate({"home": home.path, "base_image": base_image})
    runtime: Runtime = DockerRuntime(home, settings) if base_image else ProcessRuntime(home, settings)
    yield runtime
    for instance in await runtime.list():
        await runtime.stop(instance.id, 5)
    await runtime.close()


@pytest.mark.timeout(180)
async def test_notes_runs(runtime: Runtime, home: Home) -> None:
    settings = Settings.model_validate({"home": home.path})
    source = BuiltInSource(await asyncio.to_thread(settings.plugin_directories))
    release = await verify_release(await source.resolve(parse_definition({"id": "notes"})))
    await runtime.prepare(release, lambda text: None)
    instance = await runtime.start(InstanceSpec(id=InstanceId("notes.1.0"), release=release))
    assert instance.endpoint is not None
    await until(lambda: listens(instance))
    channel = open_channel(instance.endpoint)
    try:
        plugin = plugin_pb2_grpc.PluginServiceStub(channel)
        described = await plugin.Describe(
            plugin_pb2.DescribeRequest(contract_versions=[1]), wait_for_ready=True, timeout=30
        )
        assert (described.manifest.id, described.instance_id) == ("notes", instance.id)
        await plugin.Configure(plugin_pb2.ConfigureRequest(settings_json="{}", revision=1), timeout=10)
        assert await answer(plugin, "GET", b"/notes") == 200
    finally:
        await channel.close()


async def listens(instance: RuntimeInstance) -> bool:
    assert instance.endpoint is not None
    return Path(instance.endpoint.address.removeprefix("unix:")).exists()


async def answer(plugin: plugin_pb2_grpc.PluginServiceAsyncStub, method: str, path: bytes) -> int:
    request = http_pb2.HttpRequest(method=method, path=path)
    request.context.user, request.context.role = "admin", "admin"
    response: plugin_pb2.HandleResponse = await plugin.Handle(
        plugin_pb2.HandleRequest(request=request), timeout=10
    )
    return response.response.status
