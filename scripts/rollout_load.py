"""Writes the table of calls under load in docs/rollouts.md from a run of the test, on this machine.

ROLLOUT_CALLS in the environment asks for more calls with each strategy.
"""

from __future__ import annotations

from collections import Counter

from measured import ROOT, circumstances, rows

TARGET = ROOT / "docs" / "rollouts.md"
TEST = "tests/faults/test_rollout_load.py"
BEGIN, END = "<!-- rollout_load.py -->", "<!-- /rollout_load.py -->"
HEAD = """
| runtime | strategy | rollouts | calls | failed | uploads | failed | streams | cut | WebSockets | cut |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


def totals(table: list[str]) -> str:
    """Calls on each runtime, in words."""
    calls: Counter[str] = Counter()
    for row in table:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        calls[cells[0]] += int(cells[3].replace(",", ""))
    return " and ".join(f"{count:,} unary calls on `{runtime}`" for runtime, count in calls.items())


def main() -> None:
    table = rows(TEST)
    told = f"\n{totals(table)}; {circumstances()}.\n"
    before, rest = TARGET.read_text().split(BEGIN)
    after = rest.split(END)[1]
    TARGET.write_text(before + BEGIN + HEAD + "\n".join(table) + "\n" + told + END + after)


if __name__ == "__main__":
    main()
