"""kill -9 of the gateway at every transition of a change of settings that needs a restart, then a start.

The rows share one home, so what one of them left behind would fail the next.
`scripts/crash_matrix.py` takes the table that is printed to docs/rollout-crash-matrix.md.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.dying import UNDERWAY, Lives, Took
from tests.moving import ended, install
from tests.releases import add_release
from tests.running import RunningGateway

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]

BRISK = {"startup": 20, "minHealthy": 0.2, "bake": 0.5, "drain": 3}
SWITCHED = ("promoting", "baking", "draining", "succeeded")


@dataclass(frozen=True, slots=True)
class Row:
    """Where the gateway dies; with ``bad`` settings the plugin does not live, so it goes back."""

    phase: str
    delay: float = 0.0
    bad: bool = False

    @property
    def ends(self) -> str:
        return "rolled-back" if self.bad else "succeeded"


ROWS = (
    Row("pending"),
    Row("starting"),
    Row("starting", UNDERWAY),
    Row("verifying"),
    Row("promoting"),
    Row("baking"),
    Row("draining"),
    Row("draining", UNDERWAY),
    Row("succeeded"),
    Row("aborting", bad=True),
    Row("rolled-back", bad=True),
)


async def greeting(running: RunningGateway) -> str:
    answer = await running.client.get("/plugins/mover/api/greeting")
    return answer.text if answer.status_code == 200 else f"{answer.status_code} {answer.text}"


async def until_death(lives: Lives, running: RunningGateway, row: Row, wanted: str) -> None:
    lives.die_at(row.phase, delay=row.delay)
    body = {"values": {"greeting": wanted}}
    asking = asyncio.create_task(running.client.put("/api/v1/plugins/mover/settings", json=body))
    await lives.death(running)
    (answer,) = await asyncio.gather(asking, return_exceptions=True)
    cut = isinstance(answer, httpx.HTTPError)
    assert cut or (isinstance(answer, httpx.Response) and answer.status_code == 200), f"{row}: {answer!r}"


async def judge(lives: Lives, running: RunningGateway, row: Row, sides: tuple[str, str]) -> str:
    """What must hold of a gateway that has just started after the death; returns the greeting in force."""
    took = Took()
    before, wanted = sides
    first = await lives.first_call(running, row)
    told = await greeting(running)
    assert told == wanted if row.phase in SWITCHED else told in sides, f"{row}: {told}"
    newest = (await running.client.get("/api/v1/plugins/mover/rollouts")).json()["rollouts"][0]
    view = newest if newest["phase"] == row.ends else await ended(running, newest["id"], 60)
    assert view["phase"] == row.ends, f"{row}: {view}"
    assert view["changesSettings"] is True
    goes = f"{view['phase']} after {took}"
    (instance,) = (one["id"] for one in (await running.healthy("mover"))["instances"])
    counted = await lives.alone(instance, row)
    after = before if row.bad else wanted
    answers = {await greeting(running) for _ in range(20)}
    assert answers == {after}, row
    assert (await values(running)).get("greeting", "hello") == after, row
    side = "old" if row.bad else "new"
    lives.note(row.phase, row.delay, first, goes, f"{side} greeting: {', '.join(answers)}", counted)
    return after


async def values(running: RunningGateway) -> Mapping[str, Any]:
    answer = await running.client.get("/api/v1/plugins/mover/settings")
    return dict(answer.raise_for_status().json()["values"])


async def test_matrix(tmp_path: Path, runtime: str) -> None:
    lives = Lives(tmp_path, runtime)
    add_release(lives.releases, "1.0.0", restarts_on_settings=True)
    now = "hello"
    try:
        async with lives.life() as running:
            await install(running)
            put = await running.client.put("/api/v1/plugins/mover/rollout-defaults", json=BRISK)
            put.raise_for_status()
            wanted = "die" if ROWS[0].bad else "0"
            await until_death(lives, running, ROWS[0], wanted)
        for number, row in enumerate(ROWS):
            async with lives.life() as running:
                now = await judge(lives, running, row, (now, wanted))
                if number + 1 < len(ROWS):
                    following = ROWS[number + 1]
                    wanted = "die" if following.bad else str(number + 1)
                    await until_death(lives, running, following, wanted)
        assert await asyncio.to_thread(lives.ground.instances) == []
    finally:
        sys.stdout.write("\n".join(lives.table) + "\n")
        await asyncio.to_thread(lives.ground.sweep)
