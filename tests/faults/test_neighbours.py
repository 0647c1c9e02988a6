"""What befalls one of the built-in plugins leaves the others as they are. `bench-more` has their latency."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.neighbours import neighbours
from tests.parts import base_image

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]


@pytest.mark.parametrize(
    "runtime", ["process", pytest.param("docker", marks=pytest.mark.docker)], indirect=True
)
async def test_a_crash_a_flood_and_a_leak_are_its_own(tmp_path: Path, runtime: str) -> None:
    settings = {"PLUGWAY_BASE_IMAGE": base_image()} if runtime == "docker" else {}
    async with neighbours(tmp_path / "home", runtime, settings) as ground:
        for ill, (victim, befall) in ground.ills().items():
            others = [plugin for plugin in ground.plugins if plugin != victim]
            before = {plugin: await ground.running.healthy(plugin) for plugin in others}
            async with ground.watched(others) as usual:
                await asyncio.sleep(0.5)
            assert {(plugin, status) for plugin, status, _ in usual.answers} == {(o, 404) for o in others}
            async with ground.watched(others) as meanwhile:
                await befall()
            assert meanwhile.answers == usual.answers, ill
            for plugin in others:
                after = await ground.running.healthy(plugin)
                assert after["instances"] == before[plugin]["instances"], (ill, plugin)
                assert after["restarts"] == before[plugin]["restarts"], (ill, plugin)
