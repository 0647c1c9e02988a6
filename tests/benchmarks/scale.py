"""1,000 plugins against 2, and the first load of a page: ``python -m tests.benchmarks.scale``.

Short rounds in turn, and totals: what else the machine does falls on both alike.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import uvloop

from tests.benchmarks import first_load, peers
from tests.benchmarks.accounting import Account
from tests.benchmarks.cases import CASES
from tests.benchmarks.field import API, cores
from tests.benchmarks.http_load import HttpLoad

_ROUND = 0.25
"""Seconds."""


async def many_against_few(rounds: int) -> float:
    """CPU of a small call with 1,000 plugins against that with 2."""
    measured, others = cores()
    with tempfile.TemporaryDirectory(prefix="pw-bench-") as directory, ExitStack() as stack:
        stack.enter_context(peers.on_cores(others))
        socket, http_socket = f"{directory}/p.sock", f"{directory}/h.sock"
        stack.enter_context(peers.module("plugin", socket, http_socket))
        await peers.exists(Path(http_socket))
        sides: list[tuple[int, HttpLoad]] = []
        for plugins in ("2", "1000"):
            port, home = peers.free_port(), f"{directory}/{plugins}"
            with peers.on_cores(measured):
                command = peers.module("gateway_process", str(port), socket, plugins, home)
                running = stack.enter_context(command)
            await peers.listening(port, running)
            sides.append((running.pid, HttpLoad(port, lambda case: API + case.path)))
        spent, made = [0.0, 0.0], [0, 0]
        for number in range(rounds + 2):
            for side in (0, 1) if number % 2 else (1, 0):
                account = Account([sides[side][0]])
                calls, _ = await sides[side][1].closed(CASES["small"], _ROUND)
                if number > 1:  # The first rounds warm up.
                    spent[side] += account.spent()
                    made[side] += calls
        return spent[1] / made[1] / (spent[0] / made[0])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    parser.add_argument("--rounds", type=int, default=40, help="rounds of either (default 40)")
    arguments = parser.parse_args()
    ratio = uvloop.run(many_against_few(arguments.rounds))
    files, calls, took = uvloop.run(first_load.measure())
    goals = {
        f"1,000 plugins within 5 % of 2: {ratio:.3f}": ratio <= 1.05,
        f"first load of a page of {files} files ({took:.0f} ms) without a call to the plugin": calls == 0,
    }
    for words, held in goals.items():
        sys.stdout.write(f"- {'holds' if held else 'MISSED'}: {words}\n")
    return 1 if arguments.check and not all(goals.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
