"""What workers bring: ``python -m tests.benchmarks.workers``.

Calls a second say little where the plugin and the load share the processors with the workers. So each worker
gets a part of a processor for itself, so small that it has work all of the time, and what two such parts
carry is compared with what one does. Where the system does not let that be done, processor time counts: of
the busiest worker for a call, which is what the calls would take at least with a processor for each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import IO, Any

import psutil
import uvloop

from gateway.workers.records import Record
from tests.benchmarks import peers
from tests.benchmarks.accounting import cpu_seconds
from tests.benchmarks.cases import Case
from tests.benchmarks.field import API
from tests.benchmarks.http_load import HttpLoad
from tests.benchmarks.shares import CannotLimit, limited

_SMALL = Case("small", "small JSON", "/notes/1", at_once=32)
_MANY = Case("small", "small JSON", "/notes/1", at_once=64)
_PART = 0.2
"""Of a processor for each worker: plugin and load need several times what two such parts take."""
_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Run:
    """One round. ``cpu`` of all workers and of the busiest one, in microseconds a call."""

    cpu: float
    busiest: float
    rate: float


class Gateway:
    """A control process and its workers."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, workers: list[int]) -> None:
        self.port = port
        self.workers = workers
        self._process = process

    async def run(self, calls: int) -> Run:
        load = HttpLoad(self.port, lambda case: API + case.path)
        before = {pid: cpu_seconds(pid) for pid in self.workers}
        calls, seconds = await load.shared(_SMALL, max(1, calls // _SMALL.at_once))
        spent = [cpu_seconds(pid) - before[pid] for pid in self.workers]
        return Run(cpu=sum(spent) / calls * 1e6, busiest=max(spent) / calls * 1e6, rate=calls / seconds)

    async def rate(self) -> float:
        """Calls a second, as many as it carries."""
        load = HttpLoad(self.port, lambda case: API + case.path)
        return await load.steady(_MANY, _SECONDS)

    async def snapshots(self) -> dict[str, list[float]]:
        """Milliseconds until all workers have a table of 1,000 new plugins, and one changed plugin of it."""
        ask, answer = self._process.stdin, self._process.stdout
        assert ask is not None
        assert answer is not None
        return dict(await asyncio.to_thread(_asked, ask, answer))


def _asked(ask: IO[bytes], answer: IO[bytes]) -> Any:
    ask.write(b"\n")
    ask.flush()
    return json.loads(answer.readline())


@asynccontextmanager
async def gateway(socket: str, home: Path, workers: int) -> AsyncIterator[Gateway]:
    port = peers.free_port()
    command = [sys.executable, "-m", "tests.benchmarks.workers_process"]
    process = subprocess.Popen(  # noqa: ASYNC220  quick enough for a benchmark
        [*command, str(port), socket, "2", str(home), str(workers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            await asyncio.to_thread(process.stdout.readline)
        yield Gateway(process, port, _serving(home))
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.to_thread(process.wait, 30)
        finally:
            process.kill()
            assert process.stdout is not None
            process.stdout.close()


def _serving(home: Path) -> list[int]:
    records = (Record(**json.loads(f.read_text())) for f in home.glob("run/workers/*.json"))
    return [record.pid for record in records if psutil.pid_exists(record.pid)]


async def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        socket, http_socket = f"{directory}/p.sock", f"{directory}/h.sock"
        with peers.module("plugin", socket, http_socket):
            await peers.exists(Path(http_socket))
            async with (
                gateway(socket, directory / "one", 1) as one,
                gateway(socket, directory / "two", 2) as two,
            ):
                runs: dict[int, list[Run]] = {1: [], 2: []}
                for number in range(arguments.rounds + 1):
                    for side in (one, two) if number % 2 else (two, one):
                        run = await side.run(arguments.calls)
                        if number:  # The first round warms up.
                            runs[len(side.workers)].append(run)
                carried = await _carried(one, two, arguments.rounds)
                tables = await two.snapshots()
    return _summary(runs, tables, carried)


async def _carried(one: Gateway, two: Gateway, rounds: int) -> list[float]:
    """What two carry, as a multiple of what one does; empty where processors cannot be shared out."""
    found = []
    try:
        with limited([*one.workers, *two.workers], _PART):
            for number in range(2 * rounds):
                sides = (one, two) if number % 2 else (two, one)
                rates = {len(side.workers): await side.rate() for side in sides}
                found.append(rates[2] / rates[1])
    except CannotLimit as error:
        sys.stderr.write(f"{error}\n")
    return found


def _summary(
    runs: dict[int, list[Run]], tables: dict[str, list[float]], carried: list[float]
) -> dict[str, Any]:
    by_time = [a.cpu / b.busiest for a, b in zip(runs[1], runs[2], strict=True)]
    return {
        "processors": psutil.cpu_count(),
        "cpu_us": {str(n): round(median(run.cpu for run in of), 1) for n, of in runs.items()},
        "calls_a_second": {str(n): round(median(run.rate for run in of)) for n, of in runs.items()},
        "busiest_share": round(median(run.busiest / run.cpu for run in runs[2]), 3),
        "speed_up": round(median(carried or by_time), 2),
        "speed_ups": [round(one, 2) for one in sorted(carried or by_time)],
        "speed_up_by": "calls" if carried else "processor time",
        "snapshot_ms": {what: round(median(times), 1) for what, times in tables.items()},
        "snapshot_ms_worst": {what: round(max(times), 1) for what, times in tables.items()},
    }


def table(result: dict[str, Any]) -> str:
    """The result in words."""
    cpu, rate, share = result["cpu_us"], result["calls_a_second"], result["busiest_share"]
    ms, worst = result["snapshot_ms"], result["snapshot_ms_worst"]
    low, high = min(result["speed_ups"]), max(result["speed_ups"])
    return "\n".join(
        (
            f"{result['processors']} processors, shared with the plugin and the load.",
            "",
            "| workers | CPU a call, all workers | calls a second here |",
            "| --- | ---: | ---: |",
            *(f"| {n} | {cpu[n]:.0f} us | {rate[n]} |" for n in cpu),
            "",
            f"- The busier of 2 workers does {share:.0%} of the work.",
            f"- With the same part of a processor for each, 2 workers carry {result['speed_up']:.2f} x "
            f"the calls of one (rounds: {low} to {high}), by {result['speed_up_by']}.",
            f"- 1,000 new plugins known to both workers: {ms['whole']} ms (worst {worst['whole']} ms)",
            f"- one changed plugin of 1,000: {ms['one']} ms (worst {worst['one']} ms)",
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.workers", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    parser.add_argument("--rounds", type=int, default=6, help="rounds for each number (default 6)")
    parser.add_argument("--calls", type=int, default=8000, help="calls a round (default 8000)")
    arguments = parser.parse_args()
    result = uvloop.run(_run(arguments))
    sys.stdout.write((json.dumps(result, indent=2) if arguments.json else table(result)) + "\n")
    held = result["speed_up"] >= 1.8 and result["snapshot_ms"]["whole"] < 100
    return 1 if arguments.check and not held else 0


if __name__ == "__main__":
    raise SystemExit(main())
