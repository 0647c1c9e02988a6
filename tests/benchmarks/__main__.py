"""The gateway beside its peers, in front of one plugin: one run, one table.

Fails where a peer's program is missing, where a peer answers wrong bytes, and with ``--check`` where a
goal is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import uvloop

from tests.benchmarks.cases import CASES
from tests.benchmarks.document import put_into
from tests.benchmarks.field import TITLES, Missing
from tests.benchmarks.report import judged, machine, table
from tests.benchmarks.runner import Plan, as_json, measure


def names_of(known: dict[str, str], flag: str, said: str) -> list[str]:
    """The known names in ``said``, by comma, in their usual order; raises ``ValueError``."""
    asked = {name.strip() for name in said.split(",") if name.strip()} or set(known)
    if unknown := asked - set(known):
        raise ValueError(f"{flag}: unknown {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return [name for name in known if name in asked]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help=f"cases by comma: {', '.join(CASES)}")
    parser.add_argument("--peers", default="", help=f"peers by comma: {', '.join(TITLES)}")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--write", metavar="FILE", help="put the table into a document, too")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    parser.add_argument("--rounds", type=int, default=3, help="rounds for each peer and case (default 3)")
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds a round (default 1)")
    parser.add_argument("--paced", type=float, default=3.0, help="seconds at the fixed rate (default 3)")
    parser.add_argument("--streams", type=int, default=1000, help="idle event streams (default 1000)")
    return parser


def main() -> int:
    parser = _parser()
    arguments = parser.parse_args()
    try:
        cases = names_of({case: case for case in CASES}, "--only", arguments.only)
        peers = names_of(TITLES, "--peers", arguments.peers)
        plan = Plan(arguments.rounds, arguments.seconds, arguments.paced, arguments.streams)
        results = uvloop.run(measure(peers, cases, plan))
    except (ValueError, Missing) as error:
        parser.exit(2, f"{error}\n")
    if arguments.write:
        put_into(Path(arguments.write), "peers", table(results))
    if arguments.json:
        sys.stdout.write(json.dumps({"machine": machine(), **as_json(results)}, indent=2) + "\n")
    else:
        sys.stdout.write(table(results) + "\n")
    return 1 if arguments.check and not all(held for _, held in judged(results)) else 0


if __name__ == "__main__":
    raise SystemExit(main())
