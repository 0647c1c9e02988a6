"""What a container reaches: nothing by itself, and by its relay what it was granted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import docker
import pytest

from gateway.egress.destinations import Destination
from gateway.egress.relays import Relays
from gateway.home import Home
from gateway.model import InstanceId, Permissions, PluginId, VerifiedRelease
from gateway.runtimes.base import RuntimeInstance
from gateway.runtimes.docker import DockerRuntime
from gateway.runtimes.docker_spec import owner
from gateway.runtimes.process import ProcessRuntime
from gateway.settings import Settings
from tests.contract.runtime_kit import ask, seen, spec, tiny, until
from tests.parts import need_docker

ONE, TWO = InstanceId("tiny.1.0"), InstanceId("tiny-two.1.0")
RELAY = "/run/plugway-egress/relay.sock"


def granted(id_: str = "tiny") -> VerifiedRelease:
    release = tiny(permissions=Permissions(egress=("settings:/to",)))
    return VerifiedRelease(replace(release, plugin_id=PluginId(id_)))


@dataclass
class Ground:
    """A runtime and the relays beside it, as a gateway has them."""

    home: Home
    settings: Settings
    runtime: DockerRuntime
    relays: Relays

    async def grant(self, instance: InstanceId, *to: Destination) -> None:
        self.relays.apply({instance: frozenset(to)})

        async def there() -> bool:
            status = self.relays.status(instance)
            told = tuple(str(one) for one in sorted(to))
            return (
                status is not None
                and status.granted == told
                and await asyncio.to_thread(self.home.egress_socket(instance).exists)
            )

        await until(there)


@pytest.fixture
async def ground(home: Home) -> AsyncIterator[Ground]:
    settings = Settings.model_validate({"home": home.path, "base_image": need_docker()})
    runtime = DockerRuntime(home, settings)
    relays = Relays(home, settings, owner())
    await asyncio.to_thread(relays.start)
    made = Ground(home, settings, runtime, relays)
    yield made
    for instance in await runtime.list():
        await runtime.stop(instance.id, 0)
    await runtime.close()
    await asyncio.to_thread(made.relays.close)


Listen = Callable[[], Awaitable[Destination]]


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    """Makes something on this machine that answers "pong", at every address that the machine has."""
    async with contextlib.AsyncExitStack() as stack:

        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if await reader.read(4) == b"ping":
                writer.write(b"pong")
            writer.close()

        async def one() -> Destination:
            server = await asyncio.start_server(meet, "0.0.0.0", 0)
            stack.callback(server.close)
            return Destination("127.0.0.1", server.sockets[0].getsockname()[1])

        yield one


def bridge_gateway() -> str:
    """This machine's address on the network that containers have by default."""
    with contextlib.closing(docker.from_env()) as client:
        return str(client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"])


@pytest.mark.docker
async def test_without_a_grant_there_is_no_network_at_all(ground: Ground, listen: Listen) -> None:
    here = await listen()
    await ground.grant(TWO, here)
    instance = await ground.runtime.start(spec())
    assert instance.sandbox.network == "none"
    assert await ask(instance, "/ls", "/sys/class/net") == "lo"
    routes = await ask(instance, "/read", "/proc/net/route")
    assert len(routes.splitlines()) == 1, "the heading, and no way to anywhere"
    host = await asyncio.to_thread(bridge_gateway)
    for address in (f"{host}:{here.port}", f"127.0.0.1:{here.port}", "169.254.169.254:80", "1.1.1.1:53"):
        assert "Error" in await ask(instance, "/connect", address)
    assert "PLUGWAY_EGRESS" not in await ask(instance, "/env")
    assert "egress" not in await ask(instance, "/ls", "/run")
    its = str(ground.home.egress_socket(TWO))
    assert (
        await ask(instance, "/ls", its) == f"FileNotFoundError: [Errno 2] No such file or directory: '{its}'"
    )


@pytest.mark.docker
async def test_with_a_grant_it_reaches_that_and_nothing_else(ground: Ground, listen: Listen) -> None:
    here, other = await listen(), await listen()
    await ground.grant(ONE, here)
    instance = await ground.runtime.start(spec(granted()))
    assert instance.sandbox.network == "none"
    assert await ask(instance, "/ls", "/sys/class/net") == "lo"
    assert await ask(instance, "/relay", str(here)) == "pong"
    host = await asyncio.to_thread(bridge_gateway)
    for address in (str(other), f"{host}:{here.port}", f"localhost:{here.port}", "169.254.169.254:80"):
        assert (await ask(instance, "/relay", address)).startswith("HTTP/1.1 403 ")
        assert "Error" in await ask(instance, "/connect", address)
    status = ground.relays.status(ONE)
    assert status is not None
    assert (status.connections, status.refusals) == (1, 4)
    assert "169.254.169.254:80" in status.last_refusal


@pytest.mark.docker
async def test_the_way_out_cannot_be_replaced_from_inside(ground: Ground, listen: Listen) -> None:
    here = await listen()
    await ground.grant(ONE, here)
    instance = await ground.runtime.start(spec(granted()))
    assert "Error" in await ask(instance, "/remove", RELAY)
    assert "Error" in await ask(instance, "/write", f"{RELAY}.new")
    assert await ask(instance, "/relay", str(here)) == "pong"


@pytest.mark.docker
async def test_grants_follow_the_settings_while_it_runs(ground: Ground, listen: Listen) -> None:
    one, two = await listen(), await listen()
    instance = await ground.runtime.start(spec(granted()))
    await ground.grant(ONE, one)
    assert await ask(instance, "/relay", str(one)) == "pong"
    await ground.grant(ONE, two)
    assert (await ask(instance, "/relay", str(one))).startswith("HTTP/1.1 403 ")
    assert await ask(instance, "/relay", str(two)) == "pong"


@pytest.mark.docker
async def test_a_next_gateway_gives_the_same_container_its_way_out_again(
    ground: Ground, listen: Listen
) -> None:
    here = await listen()
    await ground.grant(ONE, here)
    instance = await ground.runtime.start(spec(granted()))
    await asyncio.to_thread(ground.relays.close)
    assert "Error" in await ask(instance, "/relay", str(here))
    ground.relays = Relays(ground.home, ground.settings, owner())
    await asyncio.to_thread(ground.relays.start)
    await ground.grant(ONE, here)
    assert await ask(instance, "/relay", str(here)) == "pong"


@pytest.mark.docker
async def test_one_that_is_started_anew_has_its_way_out(ground: Ground, listen: Listen) -> None:
    """With the relay there before, and not told of it."""
    here = await listen()
    await ground.grant(ONE, here)
    await ground.runtime.start(spec(granted()))
    await ground.runtime.stop(ONE, 0)
    instance = await ground.runtime.start(spec(granted()))
    assert await ask(instance, "/relay", str(here)) == "pong"


@pytest.mark.docker
async def test_the_sandbox_that_is_told_is_the_one_that_was_applied(ground: Ground) -> None:
    started = await ground.runtime.start(spec())
    info = await asyncio.to_thread(engine_info)
    lacks = {
        words
        for words, known in (("no swap beyond it", info["SwapLimit"]), ("CPU limit", info["CpuCfsQuota"]))
        if not known
    }
    assert started.sandbox.level == "docker"
    assert set(started.sandbox.lacks) == lacks
    assert "read-only root file system" in started.sandbox.holds
    found = await seen(ground.runtime, started.id)
    assert found is not None
    assert found.sandbox == started.sandbox


def engine_info() -> dict[str, Any]:
    with contextlib.closing(docker.from_env()) as client:
        return dict(client.info())


@pytest.mark.docker
async def test_what_a_container_lacks_is_told(ground: Ground) -> None:
    """One under an instance's name that something else made, as loose as containers are by default."""
    instance = await ground.runtime.start(spec())
    await asyncio.to_thread(loosen, instance)
    found = await seen(ground.runtime, instance.id)
    assert found is not None
    assert found.sandbox.network == "bridge default"
    assert {
        "non-root user",
        "read-only root file system",
        "no capabilities",
        "no new privileges",
        "system calls filtered (seccomp)",
        "memory limit",
        "no container socket, nothing of this machine",
    } <= set(found.sandbox.lacks)


def loosen(instance: RuntimeInstance) -> None:
    with contextlib.closing(docker.from_env()) as client:
        before = client.containers.get(instance.handle)
        before.remove(force=True)
        client.containers.create(
            before.attrs["Image"],
            name=before.attrs["Name"].lstrip("/"),
            labels=before.labels,
            user="root",
            security_opt=["seccomp=unconfined"],
            volumes={"/var/run": {"bind": "/host", "mode": "ro"}},
        )


async def test_a_process_has_no_sandbox_and_none_is_claimed(home: Home) -> None:
    runtime = ProcessRuntime(home, Settings.model_validate({"home": home.path}))
    instance = await runtime.start(spec(granted()))
    try:
        assert instance.sandbox.level == "none"
        assert (instance.sandbox.holds, instance.sandbox.network) == ((), "this machine's")
        assert "PLUGWAY_EGRESS" not in await ask(instance, "/env")
    finally:
        await runtime.stop(instance.id, 1)
        await runtime.close()
