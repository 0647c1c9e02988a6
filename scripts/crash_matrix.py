"""Writes docs/rollout-crash-matrix.md from runs of the two tests that kill the gateway, on this machine."""

from __future__ import annotations

from measured import ROOT, circumstances, rows

TARGET = ROOT / "docs" / "rollout-crash-matrix.md"
RELEASES = "tests/faults/test_rollout_crashes.py"
SETTINGS = "tests/faults/test_settings_kills.py"
HEAD = """# kill -9 of the gateway at every transition of a rollout

A transition is in the database before anything follows from it. In these runs the gateway killed
itself right after it had committed the transition, or a moment later, while its acts were under
way; then a new one was started on the same home. The rows of a runtime share one home, so what one
left behind would fail the next. Made by `scripts/crash_matrix.py`; both tests are part of the suite.

{circumstances}. "First call" is the status of the first one after the start. "Instances" and
"orphans" were counted in the process table or the engine and on disk, not asked of the gateway:
orphans are other instances, and run directories and sockets without an instance.
"""
TABLE = """
## {title}

From `{test}`.

| runtime | killed at | when | first call | the rollout then | serves | instances | orphans |
| --- | --- | --- | --- | --- | --- | --- | --- |
{rows}
"""


def table(title: str, test: str) -> str:
    return TABLE.format(title=title, test=test, rows="\n".join(rows(test)))


def main() -> None:
    tables = table("Between two releases", RELEASES), table("A change of settings with a restart", SETTINGS)
    TARGET.write_text(HEAD.format(circumstances=circumstances()) + "".join(tables))


if __name__ == "__main__":
    main()
