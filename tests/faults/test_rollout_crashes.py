"""kill -9 of the gateway at every transition of a rollout that is written down, then a start.

The rows share one home, so what one of them left behind would fail the next.
`scripts/crash_matrix.py` makes docs/rollout-crash-matrix.md of the table that is printed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.faults.dying import UNDERWAY, Lives, Took
from tests.moving import ended, install, rollout
from tests.releases import add_release
from tests.running import RunningGateway, until

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]

STEPS = [{"weight": 20, "seconds": 0.5}, {"weight": 60, "seconds": 0.5}]
BY_HAND = [{"weight": 20, "seconds": None}]
BRISK = {"minHealthy": 0.2, "bake": 0.5, "drain": 3, "yes": True}
Act = Callable[[RunningGateway, str], Coroutine[Any, Any, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Where the gateway dies; ``lead`` brings a rollout there, ``after`` is asked for after the start."""

    phase: str
    step: int = -1
    delay: float = 0.0
    options: dict[str, Any] = field(default_factory=lambda: {"steps": STEPS})
    version: str = "2.0.0"
    lead: Act | None = None
    after: Act | None = None
    ends: str = "succeeded"


def post(act: str, **body: Any) -> Act:
    """Ask for the act once the rollout waits for a person, or has stopped going back."""

    async def ask(running: RunningGateway, id_: str) -> None:
        async def waits() -> bool:
            return (await rollout(running, id_))["phase"] in ("paused", "rollback-paused")

        await until(waits, f"a rollout to {act}")
        try:
            await running.client.post(f"/api/v1/rollouts/{id_}/{act}", json=body)
        except Exception as error:  # noqa: BLE001 - the gateway may die while it answers
            sys.stdout.write(f"# {act}: {type(error).__name__}\n")

    return ask


async def another(running: RunningGateway, id_: str) -> None:
    """Ask for a newer rollout while this one waits."""

    async def waits() -> bool:
        return bool((await rollout(running, id_))["phase"] == "paused")

    await until(waits, "the first rollout to wait")
    try:
        body = {"version": "3.0.0", **BRISK}
        await running.client.post("/api/v1/plugins/mover/rollouts", json=body)
    except Exception as error:  # noqa: BLE001 - the gateway dies while it answers
        sys.stdout.write(f"# another: {type(error).__name__}\n")


WAITS = {"steps": BY_HAND}
ROWS = (
    Row(phase="pending"),
    Row(phase="starting"),
    Row(phase="starting", delay=UNDERWAY),
    Row(phase="verifying"),
    Row(phase="canary", step=0),
    Row(phase="canary", step=1),
    Row(phase="paused", options=WAITS, after=post("promote")),
    Row(phase="promoting"),
    Row(phase="baking"),
    Row(phase="draining"),
    Row(phase="draining", delay=UNDERWAY),
    Row(phase="succeeded"),
    Row(phase="aborting", options=WAITS, lead=post("abort"), ends="rolled-back"),
    Row(phase="aborting", delay=UNDERWAY, options=WAITS, lead=post("abort"), ends="rolled-back"),
    Row(phase="rolled-back", options=WAITS, lead=post("abort"), ends="rolled-back"),
    Row(phase="superseded", options=WAITS, lead=another, ends="superseded"),
    Row(
        phase="rollback-paused",
        version="4.0.0",
        options={"strategy": "direct", "bake": 60},
        after=post("abort", force=True),
        ends="rolled-back",
    ),
)


class Matrix(Lives):
    """Deaths in rollouts between two releases."""

    async def until_death(self, running: RunningGateway, row: Row) -> tuple[str, str]:
        """Returns the versions on both sides of the rollout."""
        before = (await running.plugin("mover"))["version"]
        wanted = row.version if before != row.version else "1.0.0"
        self.die_at(row.phase, row.step, row.delay)
        body = {"version": wanted, **BRISK, **row.options}
        asking = asyncio.create_task(running.client.post("/api/v1/plugins/mover/rollouts", json=body))
        id_ = await until(lambda: _begun(running, asking), "the rollout to begin", 20)
        leading = asyncio.create_task(row.lead(running, id_)) if row.lead and id_ != "?" else None
        await self.death(running)
        await asyncio.gather(asking, *([leading] if leading else []), return_exceptions=True)
        return before, wanted

    async def judge(self, running: RunningGateway, row: Row, died: tuple[str, str]) -> None:
        """What must hold of a gateway that has just started after the death."""
        took = Took()
        before, wanted = died
        first = await self.first_call(running, row)
        newest = (await running.client.get("/api/v1/plugins/mover/rollouts")).json()["rollouts"][0]
        if row.after:
            await row.after(running, newest["id"])
        view = newest if newest["phase"] == row.ends else await ended(running, newest["id"], 60)
        assert view["phase"] == row.ends, f"{row}: {view}"
        goes = f"{view['phase']} after {took}"
        plugin = await running.healthy("mover")
        version = wanted if row.ends == "succeeded" else before
        assert plugin["version"] == version, row
        counted = await self.alone(f"{plugin['releaseId']}-0", row)
        answers = {(await running.client.get("/plugins/mover/api/work")).text for _ in range(20)}
        assert answers == {version}, row
        where = f"{row.phase}({row.step})" if row.phase == "canary" else row.phase
        self.note(where, row.delay, first, goes, ", ".join(answers), counted)


async def _begun(running: RunningGateway, asking: asyncio.Task[Any]) -> str:
    if running.process.returncode is not None:
        return "?"
    if asking.done() and asking.exception() is None:
        return str(asking.result().json()["id"])
    return ""


async def test_matrix(tmp_path: Path, runtime: str) -> None:
    matrix = Matrix(tmp_path, runtime)
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        add_release(matrix.releases, version)
    add_release(matrix.releases, "4.0.0", one_way=True, dies_after=1.5)
    died: tuple[str, str] | None = None
    try:
        for index, row in enumerate(ROWS):
            async with matrix.life() as running:
                if died is None:
                    await install(running)
                else:
                    await matrix.judge(running, ROWS[index - 1], died)
                died = await matrix.until_death(running, row)
        async with matrix.life() as running:
            assert died
            await matrix.judge(running, ROWS[-1], died)
        assert await asyncio.to_thread(matrix.ground.instances) == []
    finally:
        sys.stdout.write("\n".join(matrix.table) + "\n")
        await asyncio.to_thread(matrix.ground.sweep)
