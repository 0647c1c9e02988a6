"""What plugins from elsewhere cost: their install, the checks at each of their starts, visits to their pages.

``python -m tests.benchmarks.installs``: a real registry, engine and browser. A part whose program is not
here is named as not measured; ``--check`` fails for it, too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from _pytest.outcomes import OutcomeException

from tests.benchmarks import checks, image_install, visits

PARTS: dict[str, Callable[[int], Awaitable[dict[str, Any]]]] = {
    "install": image_install.measure,
    "checks": checks.measure,
    "visits": visits.measure,
}


async def measured(names: list[str], rounds: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        try:
            found[name] = await PARTS[name](rounds)
        except OutcomeException as missing:
            # Raised where a program that the tests need as well is not here; it says how to get it.
            found[name] = {"missing": str(missing)}
    return found


def goals(result: dict[str, Any]) -> dict[str, bool]:
    """The figures that must hold, of the parts that were asked for."""
    held: dict[str, bool] = {}
    if install := result.get("install"):
        held["install of a cached image within 1.5 times of docker run"] = install.get("ratio", 9.0) <= 1.5
    for size, of in result.get("checks", {}).items():
        words = f"checks add under 50 ms to the start of a {size} plugin"
        held[words] = isinstance(of, dict) and of["ms"] < 50
    if visits_ := result.get("visits"):
        held["second visit to a page: the document alone"] = visits_.get("second", 9) <= 1
    return held


def table(result: dict[str, Any]) -> str:
    lines: list[str] = []
    for name, part in result.items():
        lines += [f"- {name} was not measured: {part['missing']}"] if "missing" in part else WORDS[name](part)
    lines += ["", *(f"- {'holds' if held else 'MISSED'}: {name}" for name, held in goals(result).items())]
    return "\n".join(lines)


WORDS: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "install": image_install.words,
    "checks": checks.words,
    "visits": visits.words,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.installs", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of words")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement (default 5)")
    parser.add_argument("--only", choices=tuple(PARTS), action="append", help="measure this part")
    arguments = parser.parse_args()
    result = asyncio.run(measured(arguments.only or list(PARTS), arguments.rounds))
    sys.stdout.write((json.dumps(result, indent=2) if arguments.json else table(result)) + "\n")
    return 1 if arguments.check and not all(goals(result).values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
