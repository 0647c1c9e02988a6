"""Moving the plugin `mover` from release to release, for the tests of rollouts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.ground import Ground
from tests.parts import base_image
from tests.releases import add_release
from tests.running import RunningGateway, gateway, until

QUICK = {"startup": 20, "minHealthy": 1, "bake": 2, "drain": 5}
ENDED = ("succeeded", "rolled-back", "rollback-paused", "superseded")


def settings_for(runtime: str, releases: Path) -> dict[str, str]:
    wanted = {"PLUGWAY_PLUGIN_PATH": str(releases)}
    if runtime == "docker":
        wanted["PLUGWAY_BASE_IMAGE"] = base_image()
    return wanted


@asynccontextmanager
async def moving(
    tmp_path: Path, runtime: str, *, settings: Mapping[str, str] | None = None, **second: Any
) -> AsyncIterator[RunningGateway]:
    """A gateway with mover 1.0.0 installed and healthy, and 2.0.0 at hand, which behaves as told."""
    releases, home = tmp_path / "releases", tmp_path / "home"
    add_release(releases, "1.0.0")
    add_release(releases, "2.0.0", **second)
    try:
        async with gateway(home, runtime, settings_for(runtime, releases) | dict(settings or {})) as running:
            await install(running)
            yield running
    finally:
        await asyncio.to_thread(Ground(home, runtime).sweep)


async def install(running: RunningGateway, version: str = "1.0.0") -> None:
    answer = await running.client.post("/api/v1/plugins", json={"id": "mover", "version": version})
    assert answer.status_code == 201, answer.text
    await running.healthy("mover", 120)


async def begin(running: RunningGateway, version: str = "2.0.0", **options: Any) -> str:
    body = {"version": version, **QUICK, **options}
    answer = await running.client.post("/api/v1/plugins/mover/rollouts", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def rollout(running: RunningGateway, id_: str) -> dict[str, Any]:
    answer = await running.client.get(f"/api/v1/rollouts/{id_}")
    return dict(answer.raise_for_status().json())


async def ended(running: RunningGateway, id_: str, patience: float = 90) -> dict[str, Any]:
    async def probe() -> dict[str, Any] | None:
        view = await rollout(running, id_)
        return view if view["phase"] in ENDED else None

    return dict(await until(probe, f"rollout {id_} to end", patience))


async def in_phase(running: RunningGateway, id_: str, *phases: str) -> dict[str, Any]:
    """Wait until the rollout is in one of the phases."""

    async def probe() -> dict[str, Any] | None:
        view = await rollout(running, id_)
        return view if view["phase"] in phases else None

    return dict(await until(probe, f"rollout {id_} to be {' or '.join(phases)}", 60))


async def served(running: RunningGateway) -> str:
    answer = await running.client.get("/plugins/mover/api/work")
    return str(answer.text) if answer.status_code == 200 else f"{answer.status_code} {answer.text}"
