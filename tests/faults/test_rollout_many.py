"""Many rollouts one after another: what they use is given back."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.ground import Ground
from tests.moving import begin, ended, moving, served
from tests.releases import add_release
from tests.running import RunningGateway, until

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]

ROLLOUTS = 50
WARM = 10
"""Rollouts after which the caches of the gateway are filled."""
AT_ONCE = {"strategy": "direct", "minHealthy": 0.1, "bake": 0, "drain": 3, "yes": True}
QUICK_CHECKS = {"PLUGWAY_CHECK_INTERVAL": "0.1"}


@dataclass(frozen=True)
class Used:
    """What the gateway and its home hold. Memory in MiB."""

    instances: int
    directories: int
    sockets: int
    images: int
    releases: int
    logs: int
    handles: int
    threads: int
    children: int
    memory: float


async def used(running: RunningGateway, ground: Ground) -> Used:
    answer = await running.client.get("/api/v1/plugins/mover/releases")
    releases = len(answer.raise_for_status().json()["releases"])

    def look() -> Used:
        process = psutil.Process(running.process.pid)
        return Used(
            instances=len(ground.instances()),
            directories=len(ground.run_directories()),
            sockets=len(ground.sockets()),
            images=len(ground.images()) if ground.runtime == "docker" else 0,
            releases=releases,
            logs=len(list((running.home / "logs").glob("*.log"))),
            handles=process.num_fds(),
            threads=process.num_threads(),
            children=len([child for child in process.children() if child.status() != psutil.STATUS_ZOMBIE]),
            memory=process.memory_info().rss / 2**20,
        )

    return await asyncio.to_thread(look)


async def settled(running: RunningGateway, ground: Ground) -> Used:
    """Once the collection has caught up: the release in use and the last three stable ones are left."""

    async def calm() -> Used | None:
        found = await used(running, ground)
        return found if found.releases <= 4 and found.instances == 1 and found.images <= 4 else None

    return Used(**vars(await until(calm, "the collection of old releases", 20)))


async def test_many_rollouts_leave_nothing_behind(tmp_path: Path, runtime: str) -> None:
    async with moving(tmp_path, runtime, settings=QUICK_CHECKS) as running:
        ground = Ground(running.home, runtime)
        began, warm = time.monotonic(), None
        for number in range(1, ROLLOUTS + 1):
            version = f"3.{number}.0"
            await asyncio.to_thread(add_release, tmp_path / "releases", version)
            view = await ended(running, await begin(running, version, **AT_ONCE), 60)
            assert view["phase"] == "succeeded", f"{number}: {view['reason']}"
            assert await served(running) == version
            if number == WARM:
                warm = await settled(running, ground)
        took = time.monotonic() - began
        last = await settled(running, ground)
        sys.stdout.write(f"{runtime}, {took:.0f} s\nafter {WARM}: {warm}\nafter {ROLLOUTS}: {last}\n")
        assert warm
        bounded(warm, last)
        listed = await history(running)
        assert len(listed) >= ROLLOUTS
        assert listed[-1]["stable"]["version"], "told also where the release is gone"
        back = (await running.client.post("/api/v1/plugins/mover/rollback")).raise_for_status().json()
        assert (await ended(running, back["id"]))["phase"] == "succeeded"
        assert await served(running) == f"3.{ROLLOUTS - 1}.0"


def bounded(warm: Used, last: Used) -> None:
    assert (last.instances, last.directories, last.sockets) == (1, 1, 1)
    assert last.releases <= 4
    assert last.images <= 4
    assert last.logs <= 16
    assert last.handles <= warm.handles + 5
    assert last.threads <= warm.threads + 2
    assert last.children <= 1
    assert last.memory <= warm.memory + 12


async def history(running: RunningGateway) -> list[dict[str, Any]]:
    answer = await running.client.get("/api/v1/plugins/mover/rollouts")
    return list(answer.raise_for_status().json()["rollouts"])
