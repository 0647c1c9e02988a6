"""What only containers promise: the sandbox, read from inside; memory; networks; a stream cut off."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from gateway.home import Home
from gateway.model import InstanceState, Permissions, PluginId, ReleaseId, VerifiedRelease
from gateway.runtimes.base import RuntimeInstance
from gateway.runtimes.docker import DockerRuntime
from gateway.runtimes.docker_engine import EngineGone
from gateway.runtimes.docker_names import DIGEST, image_repository, network_name
from gateway.runtimes.process import ProcessRuntime
from gateway.settings import Settings
from tests.contract.runtime_kit import ask, describe, exited, spec, tiny
from tests.parts import need_docker

pytestmark = pytest.mark.docker
Make = Callable[..., DockerRuntime]


@pytest.fixture
def base_image() -> str:
    return need_docker()


@pytest.fixture
async def make(home: Home, base_image: str) -> AsyncIterator[Make]:
    made: list[DockerRuntime] = []

    def one(engine_url: str = "", **settings: Any) -> DockerRuntime:
        wanted = {"home": home.path, "base_image": base_image, **settings}
        made.append(DockerRuntime(home, Settings.model_validate(wanted), engine_url=engine_url))
        return made[-1]

    yield one
    cleaner = one()
    for instance in await cleaner.list():
        await cleaner.stop(instance.id, 0)
    for runtime in made:
        await runtime.close()


def inspect(instance: RuntimeInstance) -> dict[str, Any]:
    with contextlib.closing(docker.from_env()) as client:
        return dict(client.api.inspect_container(instance.handle))


async def first_of(instance: RuntimeInstance, *paths: str) -> str:
    """The first of the files that is there: cgroups of version 1 and 2 name them differently."""
    for path in paths:
        told = await ask(instance, "/read", path)
        if not told.startswith("FileNotFoundError"):
            return told.strip()
    raise AssertionError(f"none of {paths} is there")


async def test_sandbox_as_seen_from_inside(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", "hidden")
    runtime = make(memory_bytes=200 * 2**20, pids=50, cpus=0.4)
    instance = await runtime.start(spec())
    status = dict(
        line.split(":\t", 1) for line in (await ask(instance, "/read", "/proc/self/status")).splitlines()
    )
    assert "0" not in status["Uid"].split()
    assert "0" not in status["Gid"].split()
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert "Read-only" in await ask(instance, "/write", "/opt/plugway/plugin/new")
    assert await ask(instance, "/write", "/tmp/program") == "written"
    assert await ask(instance, "/run", "/tmp/program") == ""
    assert await ask(instance, "/ls", "/sys/class/net") == "lo"
    assert "Error" in await ask(instance, "/connect", "169.254.169.254:80")
    assert "FileNotFoundError" in await ask(instance, "/read", "/var/run/docker.sock")
    memory = await first_of(
        instance, "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"
    )
    assert int(memory) == 200 * 2**20
    pids = await first_of(instance, "/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max")
    assert int(pids) == 50
    quota = await first_of(instance, "/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    assert int(quota.split()[0]) == 4_000
    period = await first_of(instance, "/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    assert int(period.split()[-1]) == 10_000
    assert "limit of 0.4 CPU" in instance.sandbox.holds
    document = inspect(instance)
    assert "hidden" not in json.dumps(document)
    assert document["HostConfig"]["LogConfig"]["Config"]["max-size"]
    assert document["HostConfig"]["MemorySwap"] == document["HostConfig"]["Memory"]


async def test_the_isolation_that_is_told_is_the_one_that_is_given(make: Make) -> None:
    diagnosis = await make().diagnose()
    assert diagnosis.available
    assert "no network, and a relay for what was granted" in diagnosis.isolation
    assert "no capabilities" in diagnosis.isolation
    chosen = await make(docker_egress="network").diagnose()
    assert "no network unless granted" in chosen.isolation
    by_tcp = await make(docker_transport="tcp").diagnose()
    assert not any("network" in words for words in by_tcp.isolation)


async def test_out_of_memory_is_told_as_such(make: Make) -> None:
    runtime = make(memory_bytes=96 * 2**20)
    for _ in range(3):
        instance = await runtime.start(spec())
        await ask(instance, "/eat", "300")
        ended = await exited(runtime, instance.id)
        assert ended.exit is not None
        # The engine misses the kernel's word now and then, when the control group is gone first.
        if ended.exit.out_of_memory:
            break
        assert "or by the system for want of memory" in ended.exit.reason
    assert ended.exit is not None
    assert ended.exit.out_of_memory
    assert "ran out of memory" in ended.exit.reason
    assert "96 MiB" in ended.exit.reason


def other_plugin(egress: tuple[str, ...] = ()) -> VerifiedRelease:
    release = tiny(permissions=Permissions(egress=egress))
    return VerifiedRelease(replace(release, plugin_id=PluginId("tiny-two")))


async def test_plugins_with_a_network_do_not_meet_each_other(make: Make) -> None:
    runtime = make(docker_transport="tcp")
    one = await runtime.start(spec())
    two = await runtime.start(spec(other_plugin(), "tiny-two.1.0"))
    await describe(one)
    await describe(two)
    networks = inspect(two)["NetworkSettings"]["Networks"]
    address = next(iter(networks.values()))["IPAddress"]
    assert await ask(two, "/connect", f"{address}:7700") == "connected"
    assert "Error" in await ask(one, "/connect", f"{address}:7700")
    for instance in (one, two):
        await runtime.stop(instance.id, 2)
    with contextlib.closing(docker.from_env()) as client:
        left = [network.name for network in client.networks.list()]
    assert not set(networks) & set(left)


async def test_a_network_of_its_own_where_the_operator_wants_one(make: Make, home: Home) -> None:
    runtime = make(docker_egress="network")
    instance = await runtime.start(spec(other_plugin(("settings:/url",)), "tiny-two.1.0"))
    assert instance.endpoint is not None
    assert instance.endpoint.address.startswith("unix:")
    assert "eth0" in await ask(instance, "/ls", "/sys/class/net")
    assert instance.sandbox.network == f"bridge {network_name(home, PluginId('tiny-two'))}"
    assert "PLUGWAY_EGRESS" not in await ask(instance, "/env")
    assert "host.docker.internal" in await ask(instance, "/read", "/etc/hosts")
    assert list(inspect(instance)["NetworkSettings"]["Networks"]) == [
        network_name(home, PluginId("tiny-two"))
    ]


@contextlib.asynccontextmanager
async def engine_proxy(path: Path) -> AsyncIterator[Callable[[], None]]:
    """A socket before the real engine; what it yields cuts every connection, without a word."""
    writers: set[asyncio.StreamWriter] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        engine_reader, engine_writer = await asyncio.open_unix_connection("/var/run/docker.sock")
        writers.update({writer, engine_writer})
        await asyncio.gather(carry(reader, engine_writer), carry(engine_reader, writer))

    def cut() -> None:
        for writer in writers:
            writer.close()
        writers.clear()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield cut
    finally:
        server.close()
        cut()


async def test_events_that_end_silently_end_the_iterator_and_can_be_asked_for_again(
    make: Make, tmp_path: Path
) -> None:
    async with engine_proxy(tmp_path / "engine.sock") as cut:
        runtime = make(engine_url=f"unix://{tmp_path / 'engine.sock'}")
        changes = runtime.changes()
        await asyncio.wait_for(anext(changes), 10)
        cut()
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(changes), 10)
        again = runtime.changes()
        await asyncio.wait_for(anext(again), 10)
        started = await runtime.start(spec())
        await asyncio.wait_for(anext(again), 10)
        assert [found.id for found in await runtime.list()] == [started.id]
        await again.aclose()


async def test_an_engine_that_is_away_is_told_in_words(make: Make, tmp_path: Path) -> None:
    runtime = make(engine_url=f"unix://{tmp_path / 'nobody.sock'}")
    diagnosis = await runtime.diagnose()
    assert not diagnosis.available
    assert "No Docker engine answers" in diagnosis.reason
    with pytest.raises(EngineGone, match="No Docker engine answers"):
        await runtime.list()
    assert [change async for change in runtime.changes()] == []


async def test_a_container_that_was_made_but_not_started_is_started(make: Make) -> None:
    """As after a gateway that was killed between the two."""
    runtime = make()
    instance = await runtime.start(spec())
    document = inspect(instance)
    await runtime.stop(instance.id, 0)
    with contextlib.closing(docker.from_env()) as client:
        client.containers.create(
            document["Image"], name=document["Name"].lstrip("/"), labels=document["Config"]["Labels"]
        )
    (found,) = await runtime.list()
    assert found.state is InstanceState.EXITED
    assert found.exit is not None
    assert "never started" in found.exit.reason
    await describe(await runtime.start(spec()))


async def test_the_image_is_built_once(make: Make) -> None:
    runtime = make()
    await runtime.prepare(tiny(), lambda text: None)
    told: list[str] = []
    await make().prepare(tiny(), told.append)
    assert told == []


async def test_an_image_goes_with_the_last_release_that_needs_it(
    make: Make, home: Home, base_image: str, tmp_path: Path
) -> None:
    runtime = make()
    plugin, release = PluginId("spent"), ReleaseId("spent-1")
    tag = "plugway-test/spent:1.0.0-" + "5" * 12
    (tmp_path / "Dockerfile").write_text(f"FROM {base_image}\n")

    def prepare() -> None:
        client.images.build(
            path=str(tmp_path), tag=tag, rm=True, forcerm=True, labels={DIGEST: "sha256:" + "5" * 64}
        )
        client.api.tag(tag, image_repository(home, plugin), tag=release, force=True)

    with contextlib.closing(docker.from_env()) as client:
        await asyncio.to_thread(prepare)
        await runtime.collect(plugin, [release])
        assert client.images.list(tag)
        await runtime.collect(plugin, [])
        assert client.images.list(tag) == []


async def test_containers_are_no_business_of_the_process_runtime(make: Make, home: Home) -> None:
    instance = await make().start(spec())
    await describe(instance)
    processes = ProcessRuntime(home, Settings.model_validate({"home": home.path}))
    assert await processes.list() == []
    await processes.close()
    await describe(instance)
    assert inspect(instance)["State"]["Running"]
