"""Whether a call costs more than it did: a fresh run's ratios against the stored ones.

Times differ from machine to machine; what a call costs beside a direct gRPC call, or beside FastAPI with
httpx in the same run, differs little. ``ratios.json`` has those ratios with what each may be worse by.
``python -m tests.benchmarks.regression``; ``--store`` writes the middle ones of three runs down.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from tests.benchmarks.cases import CASES
from tests.benchmarks.field import TITLES, Missing
from tests.benchmarks.runner import Found, Plan, measure

STORED = Path(__file__).with_name("ratios.json")
PEERS = ("direct", "gateway", "fastapi")
_AGAIN = 2
"""Times that a case which looks worse is measured again: other programs on the machine look like that too."""
_RUNS = 3
"""Times that everything is measured to be stored."""
_TOLERANCE = 0.2
_ROUGH = {"1m": 0.35, "down": 0.35, "up": 0.35, "typed": 0.35, "websocket": 0.5, "events": 0.5}
"""Cases whose ratios differ by more from run to run on a busy machine, where nothing has changed."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """This gateway's ``measure`` over that of ``peer``; it may be worse by the share ``tolerance``."""

    case: str
    peer: str
    measure: str
    ratio: float
    tolerance: float

    @property
    def key(self) -> tuple[str, str, str]:
        return self.case, self.peer, self.measure


def ratios(results: dict[str, dict[str, Found]]) -> list[Ratio]:
    """All that a run can tell: memory of idle streams, processor time of everything else."""
    found = []
    for case, of in results.items():
        measure = "memory" if CASES[case].kind == "events" else "cpu_us"
        ours = getattr(of["gateway"], measure)
        for peer, other in of.items():
            theirs = getattr(other, measure)
            if peer != "gateway" and theirs:
                found.append(
                    Ratio(case, peer, measure, round(ours / theirs, 3), _ROUGH.get(case, _TOLERANCE))
                )
    return found


def worse(fresh: list[Ratio], stored: list[Ratio]) -> Iterator[tuple[str, str]]:
    """The case and the words for each that is worse by more than its tolerance, or was not measured."""
    now = {ratio.key: ratio.ratio for ratio in fresh}
    for before in stored:
        what = "memory" if before.measure == "memory" else "CPU"
        against = f"{CASES[before.case].title}: {what} beside {TITLES[before.peer]}"
        ratio = now.get(before.key)
        if ratio is None:
            yield before.case, f"{against} was not measured"
        elif ratio > before.ratio * (1 + before.tolerance):
            more = ratio / before.ratio - 1
            yield (
                before.case,
                (
                    f"{against} is {ratio:.3f}, was {before.ratio:.3f}: "
                    f"{more:.0%} worse, and {before.tolerance:.0%} are allowed"
                ),
            )


def load(path: Path = STORED) -> list[Ratio]:
    return [Ratio(**one) for one in json.loads(path.read_text())]


def _best(runs: list[list[Ratio]]) -> list[Ratio]:
    """The lowest of each ratio: what else runs makes them higher, never lower for long."""
    best: dict[tuple[str, str, str], Ratio] = {}
    for ratio in (one for run in runs for one in run):
        if ratio.key not in best or ratio.ratio < best[ratio.key].ratio:
            best[ratio.key] = ratio
    return list(best.values())


def middle(runs: list[list[Ratio]]) -> list[Ratio]:
    """The middle of each ratio, in the first run's order: by a lucky one, later runs look worse."""
    by_key: dict[tuple[str, str, str], list[Ratio]] = {}
    for ratio in (one for run in runs for one in run):
        by_key.setdefault(ratio.key, []).append(ratio)
    return [sorted(found, key=lambda one: one.ratio)[len(found) // 2] for found in by_key.values()]


def check(stored: list[Ratio], plan: Plan) -> list[str]:
    """Measure, and again what looks worse; what stays worse, in words."""
    runs: list[list[Ratio]] = []
    cases = list(dict.fromkeys(ratio.case for ratio in stored))
    for _ in range(1 + _AGAIN):
        runs.append(ratios(uvloop.run(measure(PEERS, cases, plan))))
        complaints = list(worse(_best(runs), stored))
        cases = list(dict.fromkeys(case for case, _ in complaints))
        if not cases:
            break
    return [words for _, words in complaints]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.regression", description=__doc__)
    parser.add_argument("--store", action="store_true", help="write the middle ratios of three runs down")
    parser.add_argument("--rounds", type=int, default=3, help="rounds for each peer and case (default 3)")
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds a round (default 1)")
    arguments = parser.parse_args()
    plan = Plan(arguments.rounds, arguments.seconds, latency=False)
    try:
        if arguments.store:
            fresh = middle([ratios(uvloop.run(measure(PEERS, list(CASES), plan))) for _ in range(_RUNS)])
            STORED.write_text(json.dumps([asdict(ratio) for ratio in fresh], indent=1) + "\n")
            return 0
        complaints = check(load(), plan)
    except Missing as error:
        parser.exit(2, f"{error}\n")
    sys.stdout.write("".join(f"WORSE: {words}\n" for words in complaints) or "No ratio is worse.\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    raise SystemExit(main())
