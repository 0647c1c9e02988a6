"""How long calls to three built-in plugins take while a fourth crashes, is flooded, or leaks.

``python -m tests.benchmarks.neighbours``: one call after the other to each, fifty a second at most; spans
without and with the ill alternate in one run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import uvloop

from tests.benchmarks.pacing import percentile
from tests.neighbours import Neighbours, Watched, neighbours

_PATIENT = {"PLUGWAY_BACKOFF_MAX": "1", "PLUGWAY_QUARANTINE_AFTER": "1000"}
"""It crashes more often than the gateway would otherwise start it again."""


async def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        async with neighbours(Path(home) / "home", arguments.runtime, _PATIENT) as ground:
            return {ill: await _measured(ground, ill, arguments.rounds) for ill in ground.ills()}


async def _measured(ground: Neighbours, ill: str, rounds: int) -> dict[str, float]:
    """``flooded``: calls that were answered to the one that is flooded, in all rounds."""
    victim, befall = ground.ills()[ill]
    others = [plugin for plugin in ground.plugins if plugin != victim]
    usual, meanwhile, flooded = Watched(), Watched(), 0
    for _ in range(rounds):
        async with ground.watched(others) as watched:
            await asyncio.sleep(2)
        usual.seconds += watched.seconds
        async with ground.watched(others) as watched:
            flooded += await befall() or 0
        meanwhile.seconds += watched.seconds
    found = {"calls": float(len(meanwhile.seconds)), "flooded": float(flooded)}
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        found[f"{name}_usual_ms"] = percentile(usual.seconds, share) * 1000
        found[f"{name}_ms"] = percentile(meanwhile.seconds, share) * 1000
    return found


def table(result: dict[str, Any]) -> str:
    """The result in words."""
    return "\n".join(
        (
            "| what befalls one | calls to others | p50 usual | p50 meanwhile | p99 usual | p99 meanwhile |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
            *(
                f"| {ill} | {one['calls']:.0f} | {one['p50_usual_ms']:.1f} ms | {one['p50_ms']:.1f} ms "
                f"| {one['p99_usual_ms']:.1f} ms | {one['p99_ms']:.1f} ms |"
                for ill, one in result.items()
            ),
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.neighbours", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--runtime", choices=("process", "docker"), default="process", help="(default process)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="spans of each kind (default 3)")
    arguments = parser.parse_args()
    result = uvloop.run(_run(arguments))
    sys.stdout.write((json.dumps(result, indent=2) if arguments.json else table(result)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
