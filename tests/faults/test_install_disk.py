"""The disk of the home is full while a plugin is installed: it is said plainly, and nothing is left of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.serving import serving
from tests.fakes.unsigned import allow_unsigned, install_agreed
from tests.fakes.web import Web
from tests.faults.test_rollout_disk import fill, intact
from tests.fetched import SETTINGS, definition, external, module, publish, shown, there
from tests.moving import settings_for
from tests.parts import need_root
from tests.releases import add_release
from tests.running import RunningGateway, gateway

pytestmark = pytest.mark.timeout(120)

STEPS = ("fetching", "unpacking", "laying out", "writing it down")


@pytest.fixture
def small_home(tmp_path: Path) -> Iterator[Path]:
    need_root()
    home = tmp_path / "home"
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m,mode=0700", "plugway-test", home], check=True)
    yield home
    subprocess.run(["umount", "--lazy", home], check=True)


@pytest.mark.parametrize("step", STEPS)
async def test_a_full_disk(small_home: Path, tmp_path: Path, step: str) -> None:
    web, size = Web(), 2_000_000
    publish(web, "1.0.0", **{"noise.bin": os.urandom(size)})
    allow_unsigned(small_home, "panel")
    add_release(tmp_path / "releases", "1.0.0")
    settings = SETTINGS | settings_for("process", tmp_path / "releases")
    async with serving(web) as base, gateway(small_home, settings=settings) as running:
        (await running.client.post("/api/v1/plugins", json={"id": "mover"})).raise_for_status()
        await running.healthy("mover")
        body, consent = definition(base), {}
        if step == STEPS[-1]:
            previewed = await running.client.post("/api/v1/plugins/preview", json=body)
            consent = {"consent": previewed.raise_for_status().json()["releaseId"]}
        kept = external(small_home)
        # The file arrives, then lies there unpacked, then is copied: each takes its size once more.
        ballast = await asyncio.to_thread(leave, small_home, size * STEPS.index(step) + size // 2, step)
        refused = await running.client.post("/api/v1/plugins", json=body, params=consent)
        await judge(running, refused.status_code, refused.text)
        assert external(small_home) == kept
        await asyncio.to_thread(ballast.unlink)
        await install_agreed(running, body)
        await running.healthy("panel")
        assert await shown(running) == module("1.0.0")
        assert await asyncio.to_thread(intact, small_home)


def leave(home: Path, free: int, step: str) -> Path:
    """Fill the disk up to so many bytes, or wholly where only the registry is still to be written."""
    ballast = fill(home)
    if step != STEPS[-1]:
        os.truncate(ballast, ballast.stat().st_size - free)
    return ballast


async def judge(running: RunningGateway, status: int, text: str) -> None:
    assert status == 503, text
    assert "No space left on device" in text or "disk" in text, text
    assert "space" in text
    assert not await there(running)
    assert (await running.plugin("mover"))["state"] == "healthy"
    answer = await running.client.get("/plugins/mover/api/work")
    assert answer.text == "1.0.0"
