"""Rollouts whose instances are killed, and candidates that eat all their memory."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.ground import Ground
from tests.load import load
from tests.moving import begin, ended, in_phase, moving, served
from tests.parts import need_docker
from tests.running import until

pytestmark = pytest.mark.timeout(180)

HALF = [{"weight": 50, "seconds": None}]


@pytest.mark.parametrize("victim", ["stable", "candidate"])
async def test_kill_of_a_serving_instance_in_a_canary(tmp_path: Path, runtime: str, victim: str) -> None:
    """The stable one comes back and the rollout goes on; a candidate that dies takes itself back."""
    async with moving(tmp_path, runtime) as running:
        token = running.client.headers["authorization"].removeprefix("Bearer ")
        id_ = await begin(running, steps=HALF)
        view = await in_phase(running, id_, "paused")
        ground = Ground(running.home, runtime)
        pid = await asyncio.to_thread(ground.pid, view[victim]["releaseId"])
        async with load(running.base, token, unary=2, streams=False) as counts:
            await until(lambda: counts.calls > 1000, "the load to be on", 60)
            os.kill(pid, signal.SIGKILL)
            if victim == "stable":

                async def back() -> bool:
                    instances = (await running.plugin("mover"))["instances"]
                    return len(instances) == 2 and all(instance["healthy"] for instance in instances)

                await until(lambda: counts.calls > 1500, "calls after the kill", 60)
                await until(back, "the stable release to be back")
                (await running.client.post(f"/api/v1/rollouts/{id_}/promote")).raise_for_status()
            view = await ended(running, id_)
            await until(lambda: counts.calls > 4000, "four thousand calls", 60)
        sys.stdout.write(f"{runtime}, {victim} killed: {dict(counts.unary)}, {dict(counts.versions)}\n")
        assert counts.failed <= counts.calls * 0.01, (counts.unary, counts.failures)
        assert view["phase"] == ("succeeded" if victim == "stable" else "rolled-back"), view["reason"]
        wanted = "2.0.0" if victim == "stable" else "1.0.0"
        await running.healthy("mover")
        assert {await served(running) for _ in range(10)} == {wanted}


async def test_a_promote_by_hand_waits_for_no_timer(tmp_path: Path, runtime: str) -> None:
    """Nothing but the act itself happens: it has to be enough to carry the rollout on."""
    async with moving(tmp_path, runtime) as running:
        id_ = await begin(running, steps=HALF, bake=60)
        await in_phase(running, id_, "paused")
        await asyncio.sleep(1.5)
        (await running.client.post(f"/api/v1/rollouts/{id_}/promote")).raise_for_status()
        began = asyncio.get_running_loop().time()
        await in_phase(running, id_, "baking")
        assert asyncio.get_running_loop().time() - began < 8.0
        (await running.client.post(f"/api/v1/rollouts/{id_}/abort")).raise_for_status()
        assert (await ended(running, id_))["phase"] == "rolled-back"


@pytest.mark.docker
async def test_a_candidate_out_of_memory_is_told_as_such(tmp_path: Path) -> None:
    need_docker()
    little = {"PLUGWAY_MEMORY_BYTES": str(96 * 2**20)}
    async with moving(tmp_path, "docker", settings=little, eats_after=1.0) as running:
        view = await ended(running, await begin(running, bake=20))
        assert view["phase"] == "rolled-back", view
        assert "memory" in view["reason"], view["reason"]
        assert "96 MiB" in view["reason"], view["reason"]
        assert await served(running) == "1.0.0"
