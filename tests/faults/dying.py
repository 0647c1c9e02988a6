"""A home and the lives of its gateways: each kills itself at a transition, and the next one takes over."""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from tests.ground import Ground
from tests.moving import settings_for
from tests.running import RunningGateway, gateway, until

UNDERWAY = 0.25
"""Seconds after a transition by which its acts have begun, and not ended."""


class Lives:
    """``table`` is for docs/rollout-crash-matrix.md: a line for each death and what came of it."""

    def __init__(self, tmp_path: Path, runtime: str) -> None:
        self.home, self.runtime = tmp_path / "home", runtime
        self.releases, self._die_at = tmp_path / "releases", tmp_path / "die-at"
        self.ground = Ground(self.home, runtime)
        self.table: list[str] = []

    def life(self) -> AbstractAsyncContextManager[RunningGateway]:
        settings = settings_for(self.runtime, self.releases)
        settings |= {"DIE_AT": str(self._die_at), "PLUGWAY_CHECK_INTERVAL": "0.2"}
        return gateway(self.home, self.runtime, settings, module="tests.fakes.dying_gateway")

    def die_at(self, phase: str, step: int = -1, delay: float = 0.0) -> None:
        """From now on; ``delay`` in seconds after the transition was committed."""
        self._die_at.write_text(f"{phase} {step} {delay}")

    async def death(self, running: RunningGateway) -> None:
        await asyncio.wait_for(running.process.wait(), 60)
        self._die_at.unlink()

    async def first_call(self, running: RunningGateway, row: object) -> int:
        answer = await running.client.get("/plugins/mover/api/work")
        assert answer.status_code == 200, f"{row}: the first call answered {answer.status_code} {answer.text}"
        return answer.status_code

    async def alone(self, instance: str, row: object) -> str:
        """Wait until nothing else is left; the columns "instances" and "orphans" as they were counted."""
        left: tuple[list[str], int, int] = ([], 0, 0)

        async def found() -> bool:
            nonlocal left
            left = await asyncio.to_thread(self.ground.left)
            return left == ([instance], 1, 1)

        try:
            await until(found, "one instance alone", 20)
        except AssertionError:
            raise AssertionError(f"{row}: {instance} is not alone: {left}") from None
        instances, directories, sockets = left
        mine = instances.count(instance)
        return f"{mine} | {len(instances) - mine + directories - 1 + sockets - 1}"

    def note(self, where: str, delay: float, *found: object) -> None:
        moment = f"{delay:g} s later" if delay else "at once"
        self.table.append(" | ".join(("| " + self.runtime, where, moment, *map(str, found))) + " |")


class Took:
    """Seconds since it was made, in words."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __str__(self) -> str:
        return f"{time.monotonic() - self._began:.1f} s"
