"""What a rollout costs those who use the plugin: time until promoted, and the latency meanwhile.

``python -m tests.benchmarks.rollout``: calls come at a fixed rate, whatever the answers do (open loop), and a
call's time counts from when it was due. Spans without and with a rollout alternate in one run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

from tests.releases import add_release
from tests.running import RunningGateway, gateway, until

_MIN_HEALTHY = 1.0


async def fixed_rate(client: httpx.AsyncClient, rate: float, seconds: float) -> list[float]:
    """Times in seconds of calls due every ``1/rate`` seconds; a failed one fails the run."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    times: list[float] = []

    async def one(due: float) -> None:
        answer = await client.get("/plugins/mover/api/work")
        assert answer.status_code == 200, answer.text
        times.append(loop.time() - due)

    calls = []
    for number in range(int(rate * seconds)):
        due = begin + number / rate
        await asyncio.sleep(max(0.0, due - loop.time()))
        calls.append(asyncio.create_task(one(due)))
    await asyncio.gather(*calls)
    return times


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


async def move(running: RunningGateway, version: str) -> float:
    """Seconds from the request to the switch; returns when the rollout has ended."""
    began = time.monotonic()
    body = {"version": version, "minHealthy": _MIN_HEALTHY, "bake": 1, "drain": 2}
    answer = await running.client.post("/api/v1/plugins/mover/rollouts", json=body)
    id_ = answer.raise_for_status().json()["id"]
    switched = 0.0
    while True:
        view = (await running.client.get(f"/api/v1/rollouts/{id_}")).raise_for_status().json()
        if not switched and view["phase"] in ("promoting", "baking", "draining", "succeeded"):
            switched = time.monotonic() - began
        if not view["live"]:
            assert view["phase"] == "succeeded", view["reason"]
            return switched
        await asyncio.sleep(0.05)


def p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


async def measure(rate: float, seconds: float, rounds: int) -> dict[str, float]:
    quiet: list[float] = []
    moving: list[float] = []
    switches: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for version in range(1, rounds + 2):
            add_release(directory / "releases", f"{version}.0.0")
        settings = {"PLUGWAY_PLUGIN_PATH": str(directory / "releases")}
        async with gateway(directory / "home", "process", settings) as running:
            definition = {"id": "mover", "version": "1.0.0"}
            (await running.client.post("/api/v1/plugins", json=definition)).raise_for_status()
            await running.healthy("mover")
            floor = await healthy_seconds(running)
            await fixed_rate(running.client, rate, 2)
            for round_ in range(rounds):
                quiet += await fixed_rate(running.client, rate, seconds)
                under = asyncio.create_task(fixed_rate(running.client, rate, seconds))
                switches.append(await move(running, f"{round_ + 2}.0.0"))
                moving += await under
    return {
        "healthy_s": floor,
        "min_healthy_s": _MIN_HEALTHY,
        "promoted_s": statistics.median(switches),
        "promoted_limit_s": 2 * floor + _MIN_HEALTHY,
        "p99_quiet_ms": p99(quiet) * 1000,
        "p99_moving_ms": p99(moving) * 1000,
        "p99_ratio": p99(moving) / p99(quiet),
        "calls": len(quiet) + len(moving),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=100.0, help="calls a second")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each span")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = asyncio.run(measure(asked.rate, asked.seconds, asked.rounds))
    if asked.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    for key, value in found.items():
        sys.stdout.write(f"{key:>18}  {value:.3f}\n")


if __name__ == "__main__":
    main()
