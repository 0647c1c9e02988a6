"""What a start costs in processor time, which other programs on the machine hardly change.

``python -m tests.benchmarks.start_cpu``: the processor time (user and system, all threads) of the gateway
from its start until its plugins are healthy, on a home that exists, and of each plugin until then.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
from pathlib import Path

import psutil

PLUGINS = ("notes", "redis-management")


def cpu_ms(pid: int) -> float:
    """Milliseconds on a processor so far, over all threads that live."""
    stats = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(stat.read_text().split()[0]) for stat in stats) / 1e6


def _plugin_of(process: psutil.Process) -> str:
    module = process.cmdline()[-1]
    return module.replace("_", "-")


async def start(home: Path) -> dict[str, float]:
    """Milliseconds of processor time: "gateway", and each plugin's."""
    command = ["-m", "gateway", "serve", "--json", "--port", "0", "--home", str(home), "--runtime", "process"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PLUGWAY_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert process.stdout
    spent: dict[str, float] = {}
    healthy: set[str] = set()
    try:
        async with asyncio.timeout(60):
            while not set(PLUGINS) <= healthy:
                told = json.loads(await process.stdout.readline())
                if told["label"] in PLUGINS and told["text"].startswith("healthy"):
                    healthy.add(told["label"])
                    for child in psutil.Process(process.pid).children():
                        if _plugin_of(child) == told["label"]:
                            spent[told["label"]] = cpu_ms(child.pid)
            spent["gateway"] = cpu_ms(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        await process.communicate()
    return spent


async def measure(runs: int) -> dict[str, list[float]]:
    """Milliseconds a run, by program, on one home whose first start is not counted."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        await start(home)
        results = [await start(home) for _ in range(runs)]
    return {program: [result[program] for result in results] for program in ("gateway", *PLUGINS)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    for program, spent in asyncio.run(measure(parser.parse_args().runs)).items():
        sys.stdout.write(f"{program}: {statistics.median(spent):.0f} ms (least {min(spent):.0f})\n")
