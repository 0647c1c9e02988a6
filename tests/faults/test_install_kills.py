"""kill -9 of the gateway at each step of an install, an update and an uninstall, then a start.

The rows share one home, so what one of them left behind would fail the next.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.serving import serving
from tests.fakes.unsigned import allow_unsigned, install_agreed
from tests.fakes.web import Web
from tests.fetched import (
    PATH,
    SETTINGS,
    definition,
    external,
    module,
    publish,
    publish_half,
    shown,
    there,
)
from tests.ground import Ground
from tests.moving import ended
from tests.parts import base_image
from tests.running import RunningGateway, gateway, until

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]

FETCHING = "fetching"
"""Here the test kills the gateway, while half of the file has arrived."""

BRISK = {"startup": 20, "minHealthy": 0, "bake": 0, "drain": 1}


class Bed:
    def __init__(self, tmp_path: Path, runtime: str, web: Web, base: str) -> None:
        self.home, self.runtime, self.web, self.base = tmp_path / "home", runtime, web, base
        self._die_at = tmp_path / "die-at"
        self.ground = Ground(self.home, runtime)

    def life(self) -> AbstractAsyncContextManager[RunningGateway]:
        settings = SETTINGS | {"DIE_AT": str(self._die_at), "PLUGWAY_CHECK_INTERVAL": "0.2"}
        if self.runtime == "docker":
            settings |= {"PLUGWAY_BASE_IMAGE": base_image()}
        return gateway(self.home, self.runtime, settings, module="tests.fakes.dying_installs")

    async def install(self, running: RunningGateway, *, downgrade: bool = False) -> None:
        await install_agreed(running, definition(self.base), downgrade=downgrade)

    async def update(self, running: RunningGateway) -> str:
        body = {"version": "2.0.0", **BRISK}
        answer = await running.client.post("/api/v1/plugins/panel/rollouts", json=body)
        return str(answer.raise_for_status().json()["id"])

    async def uninstall(self, running: RunningGateway) -> None:
        (await running.client.delete("/api/v1/plugins/panel")).raise_for_status()
        assert not await there(running)

    async def dies(
        self, running: RunningGateway, step: str, act: Awaitable[object], version: str = ""
    ) -> None:
        """The gateway dies at this step of the act."""
        if step == FETCHING:
            publish_half(self.web, version)
            self.web.asked.clear()
        else:
            self._die_at.write_text(step)
        asking = asyncio.ensure_future(act)
        if step == FETCHING:
            await until(lambda: PATH.format(version=version) in self.web.paths(), "the fetch to begin")
            await until(lambda: external(self.home), "something to be written")
            await running.kill()
        await asyncio.wait_for(running.process.wait(), 60)
        (answer,) = await asyncio.gather(asking, return_exceptions=True)
        # Where it dies in what follows from an answer, that one may still arrive.
        assert answer is None or isinstance(answer, httpx.HTTPError), answer
        self._die_at.unlink(missing_ok=True)
        for known in ("1.0.0", "2.0.0"):
            publish(self.web, known)

    async def anew(self, running: RunningGateway, *, downgrade: bool = False) -> list[str]:
        """Installed and healthy; what is kept of it."""
        await self.install(running, downgrade=downgrade)
        await self.works(running, "1.0.0", "anew")
        return external(self.home)

    async def listed(self, running: RunningGateway, what: str) -> list[dict[str, Any]]:
        answer = await running.client.get(f"/api/v1/plugins/panel/{what}")
        return list(answer.raise_for_status().json()[what])

    async def knows_one(self, running: RunningGateway, step: str) -> None:
        """The registry forgets, soon after the start, a release that nothing needs."""

        async def forgotten() -> bool:
            return [release["version"] for release in await self.listed(running, "releases")] == ["1.0.0"]

        await until(forgotten, f"1.0.0 to be the only release known after {step}", 10)

    async def alone(self, instances: int, step: str) -> None:
        """So many run, and nothing is left of any other."""

        left: tuple[list[str], int, int] = ([], 0, 0)

        async def counted() -> bool:
            nonlocal left
            left = await asyncio.to_thread(self.ground.left)
            return (len(left[0]), *left[1:]) == (instances, instances, instances)

        try:
            await until(counted, "what is left", 20)
        except AssertionError:
            raise AssertionError(f"{step}: not {instances} instances alone: {left}") from None

    async def works(self, running: RunningGateway, version: str, step: str) -> None:
        """It is there whole, and nothing beside it."""
        await running.healthy("panel")
        assert await shown(running) == module(version)
        await self.alone(1, step)


@contextlib.asynccontextmanager
async def bed_for(tmp_path: Path, runtime: str) -> AsyncIterator[Bed]:
    web = Web()
    for version in ("1.0.0", "2.0.0"):
        publish(web, version)
    allow_unsigned(tmp_path / "home", "panel")
    async with serving(web) as base:
        bed = Bed(tmp_path, runtime, web, base)
        try:
            yield bed
        finally:
            await asyncio.to_thread(bed.ground.sweep)


ROWS = ("process", pytest.param("docker", marks=pytest.mark.docker))
INSTALLS = {
    "process": (FETCHING, "unpacked", "laid-out", "published", "added", "launched"),
    "docker": ("launched",),
}
INSTALLED = ("added", "launched")
"""From here on the plugin is installed."""
UPDATES = (FETCHING, "unpacked", "laid-out", "published", "known")
UNINSTALLS = ("switched-off", "stopped", "forgotten")


@pytest.mark.parametrize("runtime", ROWS, indirect=True)
async def test_install(tmp_path: Path, runtime: str) -> None:
    async with bed_for(tmp_path, runtime) as bed:
        async with bed.life() as running:
            await bed.dies(running, INSTALLS[runtime][0], bed.install(running), "1.0.0")
        for step, following in in_turn(INSTALLS[runtime]):
            async with bed.life() as running:
                assert await there(running) == (step in INSTALLED), step
                if step not in INSTALLED:
                    assert external(bed.home) == [], step
                    await bed.alone(0, step)
                    await bed.install(running)
                await bed.works(running, "1.0.0", step)
                assert len(external(bed.home)) == 1, step
                await bed.uninstall(running)
                await bed.alone(0, step)
                if following:
                    await bed.dies(running, following, bed.install(running), "1.0.0")
        async with bed.life():
            assert external(bed.home) == []


@pytest.mark.parametrize("runtime", ["process"], indirect=True)
async def test_update(tmp_path: Path, runtime: str) -> None:
    async with bed_for(tmp_path, runtime) as bed:
        async with bed.life() as running:
            kept = await bed.anew(running)
            await bed.dies(running, UPDATES[0], bed.update(running), "2.0.0")
        for step, following in in_turn(UPDATES):
            async with bed.life() as running:
                assert external(bed.home) == kept, step
                await bed.works(running, "1.0.0", step)
                assert await bed.listed(running, "rollouts") == [], step
                await bed.knows_one(running, step)
                again = await ended(running, await bed.update(running))
                assert again["phase"] == "succeeded", (step, again)
                await bed.works(running, "2.0.0", step)
                if following:
                    await bed.uninstall(running)
                    await bed.anew(running, downgrade=True)
                    await bed.dies(running, following, bed.update(running), "2.0.0")


@pytest.mark.parametrize("runtime", ["process"], indirect=True)
async def test_uninstall(tmp_path: Path, runtime: str) -> None:
    """Until it is forgotten it is there, switched off, and can be switched on or uninstalled."""
    async with bed_for(tmp_path, runtime) as bed:
        async with bed.life() as running:
            await bed.anew(running)
            await bed.dies(running, UNINSTALLS[0], bed.uninstall(running))
        for step, following in in_turn(UNINSTALLS):
            async with bed.life() as running:
                await bed.alone(0, step)
                if step == "forgotten":
                    assert not await there(running)
                    assert external(bed.home) == []
                    await bed.anew(running)
                else:
                    assert (await running.plugin("panel"))["state"] == "disabled", step
                    (await running.client.post("/api/v1/plugins/panel/enable")).raise_for_status()
                    await bed.works(running, "1.0.0", step)
                if following:
                    await bed.dies(running, following, bed.uninstall(running))
                else:
                    await bed.uninstall(running)
                    await bed.alone(0, step)
        async with bed.life():
            assert external(bed.home) == []


def in_turn(steps: Sequence[str]) -> list[tuple[str, str]]:
    """Each step with the one after it, or ""."""
    return list(zip(steps, (*steps[1:], ""), strict=True))
