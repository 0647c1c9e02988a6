"""A hostile plugin in a container, behind a real gateway: what it reaches, and who suffers from it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import httpx
import psutil
import pytest
import pytest_asyncio
import websockets

from tests.parts import need_docker
from tests.running import RunningGateway, gateway, until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

HOSTILE = Path(__file__).parents[1] / "fakes" / "plugins" / "hostile"
MEMORY, PIDS, LOG = 128 * 2**20, 64, 2**20
SETTINGS = {
    "PLUGWAY_INSTALL": "notes,hostile",
    "PLUGWAY_PLUGIN_PATH": str(HOSTILE.parent),
    "PLUGWAY_MEMORY_BYTES": str(MEMORY),
    "PLUGWAY_PIDS": str(PIDS),
    "PLUGWAY_LOG_BYTES": str(LOG),
    "PLUGWAY_DOCKER_TRANSPORT": "unix",
}


@dataclass(frozen=True)
class Ground:
    running: RunningGateway
    client: docker.DockerClient

    async def act(self, name: str, argument: str = "") -> str:
        """What the hostile plugin says that it got."""
        answer = await self.running.client.post(f"/plugins/hostile/api/{name}", content=argument)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def neighbour(self) -> float:
        """Seconds of a call to the other plugin, which has to go well."""
        began = time.monotonic()
        answer = await self.running.client.get("/plugins/notes/api/notes")
        assert answer.status_code == 200, answer.text
        return time.monotonic() - began

    def container(self, plugin: str) -> Any:
        mark = (self.running.home / "home.id").read_text().strip()
        labels = [f"plugway.home={mark}", f"plugway.plugin={plugin}"]
        (found,) = self.client.containers.list(filters={"label": labels})
        return found

    async def socket(self, plugin: str) -> Path:
        """Where this machine has the plugin's socket."""
        found = await asyncio.to_thread(self.container, plugin)
        (place,) = (m["Source"] for m in found.attrs["Mounts"] if m["Destination"] == "/run/plugway")
        return Path(place) / "plugin.sock"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    need_docker()
    home = tmp_path_factory.mktemp("hostile") / "home"
    with contextlib.closing(docker.from_env()) as client:
        async with gateway(home, "docker", SETTINGS) as running:
            await running.healthy("notes", 120)
            await running.healthy("hostile", 120)
            yield Ground(running, client)


@pytest_asyncio.fixture(loop_scope="module")
async def ground(shared: Ground) -> AsyncIterator[Ground]:
    """Whatever a test did, the neighbour was neither restarted nor is it ill."""
    await shared.running.healthy("hostile", 60)
    before = await shared.running.plugin("notes")
    yield shared
    after = await shared.running.healthy("notes")
    assert after["restarts"] == before["restarts"]


# What it reaches ----------------------------------------------------------------


async def test_it_sees_no_file_and_no_socket_but_its_own(ground: Ground) -> None:
    token = (ground.running.home / "admin.token").read_text().strip()
    seen = (await ground.act("everything")).splitlines()
    assert [one for one in seen if one.endswith(".sock")] == ["/run/plugway/plugin.sock"]
    forbidden = ("admin.token", "plugway.db", "docker.sock", "home.id", ".key", "shadow")
    assert [one for one in seen if one.endswith(forbidden)] == []
    for plugin in ("notes", "hostile"):
        place = await ground.socket(plugin)
        assert place.is_socket()
        assert "FileNotFoundError" in await ground.act("connect", str(place))
    told = await ground.act("environment") + await ground.act("processes")
    assert token not in told
    assert "notes" not in told
    assert "gateway" not in told


async def test_it_reaches_no_network(ground: Ground) -> None:
    bridge = await asyncio.to_thread(ground.client.networks.get, "bridge")
    host = bridge.attrs["IPAM"]["Config"][0]["Gateway"]
    port = ground.running.base.rpartition(":")[2]
    for to in (f"{host}:{port}", f"127.0.0.1:{port}", f"{host}:22"):
        assert "Error" in await ground.act("connect", to)
    for address in ("169.254.169.254:80", "1.1.1.1:443", "10.0.0.1:80"):
        assert "unreachable" in await ground.act("connect", address)
    assert "gaierror" in await ground.act("names")


async def test_it_reaches_no_abstract_socket_of_this_machine(ground: Ground) -> None:
    """They have no place in the file system: the network's namespace alone holds them apart."""

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    name = f"plugway-test-{ground.running.process.pid}"
    server = await asyncio.start_unix_server(meet, f"\0{name}")
    try:
        _, writer = await asyncio.open_unix_connection(f"\0{name}")
        writer.close()
        assert "Refused" in await ground.act("connect", f"@{name}")
    finally:
        server.close()


async def test_a_link_in_place_of_its_socket_leads_to_no_neighbour(ground: Ground) -> None:
    victim = await ground.socket("notes")
    assert await ground.act("link", str(victim)) == "linked"
    incarnation = (await asyncio.to_thread(ground.container, "hostile")).id
    # Its old connection is cut, as it could do by itself; every new one would go by the link.
    await asyncio.to_thread(_freeze, ground, incarnation)
    for _ in range(3):
        upload = await ground.running.client.post("/plugins/hostile/api/notes", content=b"u" * 2_000_000)
        assert upload.status_code in (502, 503, 504), upload.text
    restarts = (await ground.running.plugin("hostile"))["restarts"]
    await asyncio.to_thread(_kill, ground, incarnation)

    async def anew() -> bool:
        return bool((await ground.running.plugin("hostile"))["restarts"] > restarts)

    await until(anew, "another incarnation")
    await ground.running.healthy("hostile", 60)


def _freeze(ground: Ground, container: str) -> None:
    init = psutil.Process(ground.client.containers.get(container).attrs["State"]["Pid"])
    for child in init.children():
        child.suspend()


def _kill(ground: Ground, container: str) -> None:
    ground.client.containers.get(container).kill()


# What it takes ------------------------------------------------------------------


async def test_a_fork_bomb_ends_at_its_own_limit(ground: Ground) -> None:
    before = len(psutil.pids())
    bomb = asyncio.create_task(ground.act("forks"))
    took = [await ground.neighbour() for _ in range(10)]
    made, why = (await bomb).split(" ", 1)
    assert int(made) < PIDS
    assert why == "Resource temporarily unavailable"
    assert max(took) < 5
    assert len(psutil.pids()) < before + PIDS


async def test_memory_ends_the_plugin_and_its_health_says_so(ground: Ground) -> None:
    await ground.act("memory", "400")
    ill = await ground.running.in_state("hostile", "unhealthy")
    assert "ran out of memory" in ill["reason"]
    assert "128 MiB" in ill["reason"]
    assert await ground.neighbour() < 5
    assert (await ground.running.healthy("hostile"))["restarts"] > 0


async def test_the_disk_is_closed_to_it_but_for_its_own_places(ground: Ground) -> None:
    for place in ("/", "/opt/plugway", "/etc", "/usr/lib", "/var/tmp", "/dev"):
        done, why = (await ground.act("disk", place)).split(" ", 1)
        assert done in ("0", "PermissionError:", "OSError:"), place
        assert "Read-only" in why or "denied" in why, (place, why)
    done, why = (await ground.act("disk", "/tmp")).split(" ", 1)
    assert int(done) <= 64
    assert why == "No space left on device"
    done, why = (await ground.act("disk", "/dev/shm")).split(" ", 1)
    assert int(done) <= 64
    assert why == "No space left on device"
    assert await ground.neighbour() < 5


@pytest.mark.parametrize("act", ["log", "endless-line"])
async def test_a_flood_of_log_is_kept_short_and_read_in_parts(ground: Ground, act: str) -> None:
    gateway_process = psutil.Process(ground.running.process.pid)
    before = gateway_process.memory_info().rss
    longest = 0

    async def follow() -> None:
        nonlocal longest
        path = "/api/v1/plugins/hostile/logs"
        async with ground.running.client.stream(
            "GET", path, params={"follow": "true", "tail": "0"}
        ) as answer:
            async for part in answer.aiter_bytes():
                if b"xxxx" in part or b"yyyy" in part:
                    longest = max(longest, len(part))

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.5)
    flooding = asyncio.create_task(ground.act(act, "64"))
    most, took = 0, []
    while not flooding.done():
        took.append(await ground.neighbour())
        most = max(most, gateway_process.memory_info().rss)
    assert await flooding == "logged"
    await until(lambda: longest, "something of it to be shown, though the line has no end")
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError, httpx.HTTPError):
        await following
    assert max(took) < 5
    assert most - before < 48 * 2**20
    container = await asyncio.to_thread(ground.container, "hostile")
    kept = await asyncio.to_thread(container.logs)
    assert len(kept) <= LOG
    config = container.attrs["HostConfig"]["LogConfig"]["Config"]
    assert int(config["max-size"]) * int(config["max-file"]) == LOG
    shown = await ground.running.client.get("/api/v1/plugins/hostile/logs")
    assert len(shown.content) <= 2 * LOG


async def test_a_flood_of_messages_stays_in_its_own_socket(ground: Ground) -> None:
    """It never stops to talk, and its client does not listen."""
    url = ground.running.base.replace("http", "ws", 1) + "/plugins/hostile/api/talk"
    headers = {"Authorization": ground.running.client.headers["Authorization"]}
    process = psutil.Process(ground.running.process.pid)
    before = process.memory_info().rss
    async with websockets.connect(url, additional_headers=headers, max_queue=1) as socket:
        assert len(await socket.recv()) == 65536
        took = [await ground.neighbour() for _ in range(20)]
        await asyncio.sleep(1)
        assert process.memory_info().rss - before < 48 * 2**20
    assert max(took) < 5


# What is known of it ----------------------------------------------------------------


async def test_the_sandbox_is_shown_as_it_was_reached(ground: Ground) -> None:
    shown = json.dumps(await ground.running.plugin("hostile"))
    for words in ("read-only root file system", "no capabilities", f"at most {PIDS} processes", "128 MiB"):
        assert words in shown
    rating = (await ground.running.plugin("hostile"))["rating"]
    assert rating["final"]
    assert "Its sandbox (docker) is whole." in [reason["words"] for reason in rating["reasons"]]
