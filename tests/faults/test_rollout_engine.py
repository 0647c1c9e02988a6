"""The Docker engine under a rollout is killed, restarted, or goes silent."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.engine import OwnEngine, way_to_engine
from tests.ground import Ground
from tests.moving import begin, ended, in_phase, install, moving, served, settings_for
from tests.parts import need_docker, need_root
from tests.releases import add_release
from tests.running import RunningGateway, gateway, until

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(240)]

BY_HAND = [{"weight": 50, "seconds": None}]


@pytest.fixture(scope="module")
def engine() -> Iterator[OwnEngine]:
    """One engine for all tests here, as the base image has to be copied into it."""
    need_docker()
    need_root()
    if shutil.which("dockerd") is None:
        pytest.skip("needs the program dockerd")
    own = OwnEngine()
    try:
        own.start()
        own.load_base()
        own.stop()
        yield own
    finally:
        own.remove()


@asynccontextmanager
async def on_own(engine: OwnEngine, tmp_path: Path, *options: str) -> AsyncIterator[RunningGateway]:
    """The engine started with ``options``, a gateway on it, and a canary that waits at half."""
    releases, home = tmp_path / "releases", tmp_path / "home"
    add_release(releases, "1.0.0")
    add_release(releases, "2.0.0")
    await asyncio.to_thread(engine.start, *options)
    try:
        settings = settings_for("docker", releases) | {"DOCKER_HOST": engine.url}
        async with gateway(home, "docker", settings) as running:
            await install(running)
            yield running
    finally:
        await asyncio.to_thread(Ground(home, "docker", engine.url).sweep)
        await asyncio.to_thread(engine.stop)


async def alone(running: RunningGateway, engine: OwnEngine, version: str) -> None:
    """One release serves, by one container."""
    ground = Ground(running.home, "docker", engine.url)
    release = (await running.healthy("mover", 90))["releaseId"]

    async def one() -> bool:
        return await asyncio.to_thread(ground.instances) == [f"{release}-0"]

    await until(one, "one container to be left", 60)
    assert {await served(running) for _ in range(20)} == {version}


async def test_engine_killed_in_a_canary_with_live_restore(engine: OwnEngine, tmp_path: Path) -> None:
    """With live-restore containers outlive the engine, and then nobody notices."""
    async with on_own(engine, tmp_path, "--live-restore") as running:
        id_ = await begin(running, steps=BY_HAND)
        await in_phase(running, id_, "paused")
        await asyncio.to_thread(engine.kill)
        answers = {await served(running) for _ in range(200)}
        assert answers == {"1.0.0", "2.0.0"}
        await asyncio.to_thread(engine.start, "--live-restore")
        answers = {await served(running) for _ in range(200)}
        assert answers == {"1.0.0", "2.0.0"}
        (await running.client.post(f"/api/v1/rollouts/{id_}/promote")).raise_for_status()
        assert (await ended(running, id_))["phase"] == "succeeded"
        await alone(running, engine, "2.0.0")


async def test_engine_restarted_in_a_canary(engine: OwnEngine, tmp_path: Path) -> None:
    """Without live-restore the engine ends every container: both releases fail, and one comes back."""
    async with on_own(engine, tmp_path) as running:
        id_ = await begin(running, steps=BY_HAND)
        await in_phase(running, id_, "paused")
        await asyncio.to_thread(engine.stop)
        assert (await served(running)).startswith("503")
        await asyncio.to_thread(engine.start)
        view = await ended(running, id_)
        assert view["phase"] == "rolled-back", view
        await alone(running, engine, "1.0.0")


@pytest.mark.parametrize("fate", ["good", "dies"])
async def test_hung_events_of_the_engine(tmp_path: Path, fate: str) -> None:
    """The engine's event stream stays open and says nothing: looking again has to be enough."""
    need_docker()
    behaviour: dict[str, Any] = {"dies_after": 3.0} if fate == "dies" else {}
    socket = tmp_path.parent / "way.sock"
    socket.unlink(missing_ok=True)
    async with way_to_engine(socket) as way:
        settings = {"DOCKER_HOST": f"unix://{socket}"}
        async with moving(tmp_path, "docker", settings=settings, **behaviour) as running:
            assert way.event_streams
            way.hung = True
            view = await ended(running, await begin(running, bake=6), 120)
            assert view["phase"] == ("succeeded" if fate == "good" else "rolled-back"), view
            wanted = "2.0.0" if fate == "good" else "1.0.0"
            await running.healthy("mover")
            assert {await served(running) for _ in range(20)} == {wanted}
            ground = Ground(running.home, "docker")

            async def one() -> bool:
                return len(await asyncio.to_thread(ground.instances)) == 1

            await until(one, "one container to be left")


async def test_an_engine_slow_to_build_is_no_fault_of_the_candidate(tmp_path: Path) -> None:
    """The start-up budget is the candidate's: an image may take longer than that."""
    need_docker()
    socket = tmp_path.parent / "way.sock"
    socket.unlink(missing_ok=True)
    async with way_to_engine(socket) as way:
        settings = {"DOCKER_HOST": f"unix://{socket}"}
        # Unlike any before it, so that no image of it is there already.
        unique = {"made": time.time_ns()}
        async with moving(tmp_path, "docker", settings=settings, **unique) as running:
            way.build_delay = 12.0
            began = asyncio.get_running_loop().time()
            view = await ended(running, await begin(running, startup=8))
            assert view["phase"] == "succeeded", view["reason"]
            assert asyncio.get_running_loop().time() - began > way.build_delay
            assert await served(running) == "2.0.0"
