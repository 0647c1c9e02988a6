"""What a rollout costs those who use the plugin: time until promoted, and the latency meanwhile.

``python -m tests.benchmarks.rollout``: calls come at a fixed rate that leaves the machine idle for the most
part; at saturation the order of waiting would be measured. Spans without and with a rollout alternate in one
run, and nobody asks how the rollout is while it runs: its events tell. ``--times short`` makes the start of
the candidate a far greater part of the rollout than it ever is; ``starting`` is that part alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.benchmarks.open_loop import Timed, fixed_rate
from tests.moving import settings_for
from tests.releases import add_release
from tests.running import RunningGateway, gateway, until

_PATH = "/plugins/mover/api/work"
_ENDED = ("succeeded", "rolled-back", "superseded", "rollback-paused")
TIMES = {
    # What holds where nobody says anything.
    "usual": {"minHealthy": 10.0, "bake": 30.0},
    "short": {"minHealthy": 1.0, "bake": 1.0},
}


@dataclass
class Moved:
    """One rollout: when each phase was entered, on the event loop's clock."""

    began: float
    phases: dict[str, float] = field(default_factory=dict)

    @property
    def ended(self) -> float:
        return max(self.phases.values())

    @property
    def promoted(self) -> float:
        return self.phases["promoting"] - self.began

    @property
    def started(self) -> float:
        """When the candidate had come up."""
        return self.phases["verifying"]


async def healthy_seconds(running: RunningGateway) -> float:
    """How long a restart of the plugin takes until it is healthy: the floor of any rollout."""
    began = time.monotonic()
    before = (await running.plugin("mover"))["restarts"]
    (await running.client.post("/api/v1/plugins/mover/restart")).raise_for_status()

    async def back() -> bool:
        view = await running.plugin("mover")
        return bool(view["state"] == "healthy" and view["restarts"] > before)

    await until(back, "the restart")
    return time.monotonic() - began


async def move(running: RunningGateway, version: str, times: dict[str, float]) -> Moved:
    """Roll out to ``version`` and hear of each phase; anything but success fails the run."""
    loop = asyncio.get_running_loop()
    async with running.client.stream("GET", "/api/v1/events", timeout=120) as events:
        lines = events.aiter_lines()
        moved = Moved(began=loop.time())
        answer = await running.client.post(
            "/api/v1/plugins/mover/rollouts", json={"version": version, **times}
        )
        answer.raise_for_status()
        id_ = answer.json()["id"]
        async for line in lines:
            if not line.startswith("data:") or id_ not in line:
                continue
            event = json.loads(line.removeprefix("data:"))
            if event["type"] != "rollout.phase":
                continue
            told = event["data"]
            moved.phases[told["phase"]] = loop.time()
            if told["phase"] in _ENDED:
                assert told["phase"] == "succeeded", told
                return moved
    raise AssertionError("the events ended before the rollout did")


def p99(times: list[float]) -> float:
    """In milliseconds."""
    return statistics.quantiles(times, n=100)[98] * 1000


@dataclass
class Found:
    """What calls took, by what went on while they were due; seconds."""

    quiet: list[float] = field(default_factory=list)
    moving: list[float] = field(default_factory=list)
    starting: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    promoted: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)

    def add(self, quiet: list[Timed], under: list[Timed], moved: Moved) -> None:
        during = [call.took for call in under if moved.began <= call.due <= moved.ended]
        still = [call.took for call in quiet]
        self.quiet += still
        self.moving += during
        self.starting += [call.took for call in under if moved.began <= call.due <= moved.started]
        self.ratios.append(p99(during) / p99(still))
        self.promoted.append(moved.promoted)


async def measure(
    runtime: str, rate: float, times: dict[str, float], rounds: int, found: Found
) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for version in range(1, rounds + 2):
            add_release(directory / "releases", f"{version}.0.0")
        settings = settings_for(runtime, directory / "releases")
        async with gateway(directory / "home", runtime, settings) as running:
            token = running.client.headers["authorization"].removeprefix("Bearer ")
            definition = {"id": "mover", "version": "1.0.0"}
            (await running.client.post("/api/v1/plugins", json=definition)).raise_for_status()
            await running.healthy("mover", 120)
            floor = await healthy_seconds(running)
            span = times["minHealthy"] + times["bake"] + 2 * floor
            async with fixed_rate(running.base, token, _PATH, rate):
                # The first rollout of a gateway and of a plugin warms what the others find warm.
                await move(running, "2.0.0", TIMES["short"])
            for round_ in range(1, rounds):
                psutil.cpu_percent()
                async with fixed_rate(running.base, token, _PATH, rate) as quiet:
                    await asyncio.sleep(span)
                found.busy.append(psutil.cpu_percent())
                async with fixed_rate(running.base, token, _PATH, rate) as under:
                    moved = await move(running, f"{round_ + 2}.0.0", times)
                found.add(quiet, under, moved)
    return {"healthy_s": floor, "promoted_limit_s": 2 * floor + times["minHealthy"]}


def summary(found: Found) -> dict[str, float]:
    return {
        "promoted_s": statistics.median(found.promoted),
        "machine_busy_percent": statistics.median(found.busy),
        "p50_quiet_ms": statistics.median(found.quiet) * 1000,
        "p50_moving_ms": statistics.median(found.moving) * 1000,
        "p99_quiet_ms": p99(found.quiet),
        "p99_moving_ms": p99(found.moving),
        "p99_ratio": p99(found.moving) / p99(found.quiet),
        "p99_ratio_median_of_rounds": statistics.median(found.ratios),
        "p99_starting_ms": p99(found.starting),
        "share_starting": len(found.starting) / len(found.moving),
        "calls": len(found.quiet) + len(found.moving),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", choices=("process", "docker"), default="process")
    parser.add_argument("--rate", type=float, default=100.0, help="calls a second")
    parser.add_argument("--times", choices=tuple(TIMES), default="usual")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found, times = Found(), TIMES[asked.times]
    floors = asyncio.run(measure(asked.runtime, asked.rate, times, asked.rounds + 1, found))
    told = {"rate": asked.rate, **times, **floors, **summary(found)}
    if asked.json:
        sys.stdout.write(json.dumps({"runtime": asked.runtime, **told}) + "\n")
        return
    for key, value in told.items():
        sys.stdout.write(f"{key:>26}  {value:.3f}\n")


if __name__ == "__main__":
    main()
