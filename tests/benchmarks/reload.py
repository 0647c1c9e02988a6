"""How long it takes under ``plugway dev`` from saving a file to the first answer by the new code.

``python -m tests.benchmarks.reload [--rounds N] [--only go]``: a real gateway, and the plugin that
``plugway new`` writes in each language; one line of it is changed N times, and it is called through the
gateway every fortieth of a second until the answer is the new one. ``--check`` fails where the median is over
a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from _pytest.outcomes import OutcomeException

from gateway.authoring.develop import Workbench
from tests.developing import GREETINGS, PLUGIN, at, dev, greeted, new_plugin
from tests.running import gateway

GOAL = 1.0
_PAUSE = 0.025
_IDLE = 1.0
_LONGEST = 60.0


@dataclass(frozen=True, slots=True)
class Change:
    """Seconds since the file was saved."""

    noticed: float
    answered: float


async def changes(language: str, rounds: int) -> list[Change]:
    """Raises ``OutcomeException`` where the language's tools are not here."""
    parent = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="pd-"))
    try:
        directory = await asyncio.to_thread(new_plugin, language, parent)
        async with gateway(parent / "home") as running, dev(directory, **at(running)) as run:
            await run.says("page", f"/plugins/{PLUGIN}/open")
            greeting = GREETINGS[language]
            good = (directory / greeting.file).read_text()
            found = []
            # The first is not counted: a tool's caches are filled by it.
            for number in range(rounds + 1):
                # What ran before is to have ended; and a file's time is to differ from the last one's.
                await asyncio.sleep(_IDLE)
                text = f"change {number}"
                greeting.say(directory, good, text)
                saved = time.monotonic()
                await _until_answered(running.client, text)
                answered = time.monotonic() - saved
                await run.says("dev", "reloaded", number + 1)
                noticed = run.times("dev", f"{greeting.file} changed")[number] - saved
                found.append(Change(noticed, answered))
            return found[1:]
    finally:
        await asyncio.to_thread(shutil.rmtree, Workbench(parent / PLUGIN).place, ignore_errors=True)
        await asyncio.to_thread(shutil.rmtree, parent, ignore_errors=True)


async def _until_answered(client: httpx.AsyncClient, text: str) -> None:
    async with asyncio.timeout(_LONGEST):
        while await greeted(client) != text:  # noqa: ASYNC110  # nothing tells of it but the answer
            await asyncio.sleep(_PAUSE)


async def measured(languages: list[str], rounds: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for language in languages:
        try:
            found[language] = summary(await changes(language, rounds))
        except OutcomeException as missing:
            found[language] = {"missing": str(missing)}
    return found


def summary(all_: list[Change]) -> dict[str, Any]:
    answered = [one.answered for one in all_]
    return {
        "changes": len(all_),
        "noticed": round(statistics.median(one.noticed for one in all_), 3),
        "median": round(statistics.median(answered), 3),
        "worst": round(max(answered), 3),
    }


def table(result: dict[str, Any]) -> str:
    lines = ["| language | changes | noticed after | median | worst |", "| --- | ---: | ---: | ---: | ---: |"]
    for language, part in result.items():
        if "missing" in part:
            lines.append(f"| {language} | not measured: {part['missing']} | | | |")
        else:
            cells = [f"{part[name]:.2f} s" for name in ("noticed", "median", "worst")]
            lines.append(f"| {language} | {part['changes']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def holds(result: dict[str, Any]) -> bool:
    return all(part.get("median", GOAL + 1) <= GOAL for part in result.values())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reload", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--check", action="store_true", help=f"fail where a median is over {GOAL:g} s")
    parser.add_argument("--rounds", type=int, default=20, help="changes of each (default 20)")
    parser.add_argument("--only", choices=tuple(GREETINGS), action="append", help="measure this language")
    arguments = parser.parse_args()
    result = asyncio.run(measured(arguments.only or list(GREETINGS), arguments.rounds))
    sys.stdout.write((json.dumps(result, indent=2) if arguments.json else table(result)) + "\n")
    return 1 if arguments.check and not holds(result) else 0


if __name__ == "__main__":
    raise SystemExit(main())
