"""The disk of the home is full while a rollout moves: nothing is lost, and it goes on afterwards."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.moving import begin, ended, in_phase, moving, rollout, served, settings_for
from tests.parts import need_root
from tests.running import RunningGateway, gateway, until

pytestmark = pytest.mark.timeout(120)

STEPS = [{"weight": 20, "seconds": 2.0}, {"weight": 60, "seconds": None}]


SIZE = {"process": "6m", "docker": "128m"}
"""What a home needs; on docker the packages for the images are kept in it."""


@pytest.fixture
def small_home(tmp_path: Path, runtime: str) -> Iterator[Path]:
    """A home directory on a small file system of its own."""
    need_root()
    home = tmp_path / "home"
    home.mkdir()
    options = f"size={SIZE[runtime]},mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "plugway-test", home], check=True)
    yield home
    subprocess.run(["umount", "--lazy", home], check=True)


def fill(home: Path) -> Path:
    """Take every byte that is left, as a log of some other program may."""
    ballast = home / "ballast"
    for block in (64 * 1024, 4096, 1):
        with ballast.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * block)
    return ballast


def intact(home: Path) -> bool:
    with sqlite3.connect(home / "plugway.db") as connection:
        answer = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    return bool(answer == ("ok",))


async def test_a_full_disk_holds_a_rollout_and_harms_nothing(
    small_home: Path, tmp_path: Path, runtime: str
) -> None:
    async with moving(tmp_path, runtime) as running:
        id_ = await begin(running, steps=STEPS)
        await in_phase(running, id_, "canary")
        ballast = await asyncio.to_thread(fill, small_home)
        # Its step ends by time, which cannot be written down now.
        await until(lambda: _told(running, "cannot go on"), "a word about the disk")
        assert (await rollout(running, id_))["phase"] == "canary"
        refused = await running.client.post(f"/api/v1/rollouts/{id_}/promote")
        assert refused.status_code == 503, refused.text
        assert "disk" in refused.text
        assert "space" in refused.json()["hint"]
        answers = {await served(running) for _ in range(50)}
        assert answers <= {"1.0.0", "2.0.0"}, "both releases serve on"
        assert (await running.plugin("mover"))["state"] == "healthy"
        await asyncio.to_thread(ballast.unlink)
        await in_phase(running, id_, "paused")
        (await running.client.post(f"/api/v1/rollouts/{id_}/promote")).raise_for_status()
        assert (await ended(running, id_))["phase"] == "succeeded"
        assert await served(running) == "2.0.0"
        assert await asyncio.to_thread(intact, small_home)


async def test_kill_on_a_full_disk_loses_nothing(small_home: Path, tmp_path: Path, runtime: str) -> None:
    async with moving(tmp_path, runtime) as first:
        id_ = await begin(first, steps=[{"weight": 20, "seconds": None}])
        await in_phase(first, id_, "paused")
        ballast = await asyncio.to_thread(fill, small_home)
        refused = await first.client.post(f"/api/v1/rollouts/{id_}/promote")
        assert refused.status_code == 503, refused.text
        await first.kill()
        await asyncio.to_thread(ballast.unlink)
        assert await asyncio.to_thread(intact, small_home)
        async with gateway(small_home, runtime, settings_for(runtime, tmp_path / "releases")) as second:
            assert await served(second) in ("1.0.0", "2.0.0")
            assert (await rollout(second, id_))["phase"] == "paused"
            (await second.client.post(f"/api/v1/rollouts/{id_}/promote")).raise_for_status()
            assert (await ended(second, id_))["phase"] == "succeeded"
            assert await served(second) == "2.0.0"


def _told(running: RunningGateway, words: str) -> bool:
    return any(words in line for line in running.lines)
