"""The wall clock jumps by an hour while a rollout runs: its timers are on another clock."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.moving import begin, in_phase, moving, rollout, served
from tests.parts import need_faketime
from tests.running import RunningGateway

pytestmark = pytest.mark.timeout(240)

BAKE = 6.0
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
        await in_phase(running, id_, "baking")
        left, first, after_first = await seconds_left(running, id_)
        clock.write_text(f"{jump:+d}")
        await asyncio.sleep(0.5)
        still, second, after_second = await seconds_left(running, id_)
        passed = left - still
        slack = 0.2
        assert second - after_first - slack < passed < after_second - first + slack, "nothing won or lost"
        view = await in_phase(running, id_, "succeeded")
        assert time.monotonic() - first > left - slack, "it baked to the end"
        told = {entry["phase"]: entry["at"] for entry in view["timeline"]}
        assert abs(_seconds(told["succeeded"]) - _seconds(told["baking"]) - jump) < 60, "it did jump"
        assert await served(running) == "2.0.0"
        assert (await running.plugin("mover"))["state"] == "healthy"


async def seconds_left(running: RunningGateway, id_: str) -> tuple[float, float, float]:
    """Of the bake; and the time before and after asking for it."""
    before = time.monotonic()
    view = await rollout(running, id_)
    assert view["phase"] == "baking"
    return float(view["secondsLeft"]), before, time.monotonic()


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()
