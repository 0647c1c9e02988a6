"""An abort in every phase, under load: everyone goes straight back, and no call fails."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.ground import Ground
from tests.load import load
from tests.moving import begin, ended, in_phase, moving, served
from tests.releases import add_release
from tests.running import RunningGateway, until

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]

LONG = 600
PHASES: dict[str, dict[str, Any]] = {
    "starting": {"version": "3.0.0", "startup": LONG},
    "verifying": {"minHealthy": LONG},
    "canary": {"steps": [{"weight": 50, "seconds": LONG}]},
    "paused": {"steps": [{"weight": 50, "seconds": None}]},
    "baking": {"bake": LONG},
    "draining": {"bake": 0, "drain": 30},
}
HELD = 6.0
"""Seconds that an upload is on its way, which the stable release waits for as it drains."""


@asynccontextmanager
async def slow_upload(running: RunningGateway) -> AsyncIterator[None]:
    """It begins before the block and has to end well."""

    async def body() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 1024
            await asyncio.sleep(HELD / 20)

    sending = asyncio.create_task(running.client.post("/plugins/mover/api/upload", content=body()))
    await asyncio.sleep(0.5)
    yield
    assert (await sending).status_code == 200


async def test_an_abort_in_any_phase_fails_no_call(tmp_path: Path, runtime: str) -> None:
    add_release(tmp_path / "releases", "3.0.0", never_starts=True)
    async with moving(tmp_path, runtime) as running:
        token = running.client.headers["authorization"].removeprefix("Bearer ")
        ground = Ground(running.home, runtime)
        async with load(running.base, token, unary=2) as counts:
            await until(lambda: counts.calls > 200, "the load to be on")
            for phase, options in PHASES.items():
                if phase == "draining":
                    async with slow_upload(running):
                        await gone_back(running, phase, options)
                else:
                    await gone_back(running, phase, options)
                await until(lambda: alone(ground), f"one instance to be left after {phase}")
        sys.stdout.write(f"{runtime}: {dict(counts.unary)}, {dict(counts.versions)}\n")
        assert counts.failed == 0, (counts.unary, counts.failures)
        assert set(counts.versions) == {"1.0.0", "2.0.0"}
        assert set(counts.uploads) == {"good"}, counts.uploads
        assert set(counts.stream_ends) <= {"noticed"}, counts.stream_ends
        assert set(counts.socket_ends) <= {"1012"}, counts.socket_ends


async def gone_back(running: RunningGateway, phase: str, options: dict[str, Any]) -> None:
    id_ = await begin(running, **options)
    await in_phase(running, id_, phase)
    (await running.client.post(f"/api/v1/rollouts/{id_}/abort")).raise_for_status()
    view = await ended(running, id_)
    assert view["phase"] == "rolled-back", view
    assert {await served(running) for _ in range(20)} == {"1.0.0"}, phase
    assert (await running.plugin("mover"))["state"] == "healthy"


async def alone(ground: Ground) -> bool:
    instances, directories, sockets = await asyncio.to_thread(ground.left)
    return (len(instances), directories, sockets) == (1, 1, 1)
