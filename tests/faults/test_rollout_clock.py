"""The wall clock jumps by an hour while a rollout runs: its timers are on another clock."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.moving import begin, in_phase, moving, rollout, served
from tests.parts import need_faketime

pytestmark = pytest.mark.timeout(180)

BAKE = 4.0
HOUR = 3600


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_jump_of_the_wall_clock_moves_no_deadline(tmp_path: Path, runtime: str, jump: int) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    settings = {
        "LD_PRELOAD": str(need_faketime()),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    async with moving(tmp_path, runtime, settings=settings) as running:
        id_ = await begin(running, bake=BAKE)
        before = await in_phase(running, id_, "baking")
        began = time.monotonic()
        clock.write_text(f"{jump:+d}")
        left = before["secondsLeft"]
        await asyncio.sleep(0.5)
        view = await rollout(running, id_)
        assert view["phase"] == "baking"
        assert left - 2.5 < view["secondsLeft"] < left, "no second of the bake was won or lost"
        view = await in_phase(running, id_, "succeeded")
        assert BAKE - 1.0 < time.monotonic() - began < BAKE + 8.0
        told = {entry["phase"]: entry["at"] for entry in view["timeline"]}
        assert abs(_seconds(told["succeeded"]) - _seconds(told["baking"]) - jump) < 60, "it did jump"
        assert await served(running) == "2.0.0"
        assert (await running.plugin("mover"))["state"] == "healthy"


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()
