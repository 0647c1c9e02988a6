"""Writes docs/rollout-crash-matrix.md from a run of tests/faults/test_rollout_crashes.py on this machine."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "rollout-crash-matrix.md"
TEST = "tests/faults/test_rollout_crashes.py"
HEAD = """# kill -9 of the gateway at every transition of a rollout

A transition is in the database before anything follows from it. In this run the gateway killed
itself right after it had committed the transition, or a moment later, while its acts were under
way; then a new one was started on the same home. The rows of a runtime share one home. Made by
`scripts/crash_matrix.py` from `{test}`, which is part of the suite.

{date}, {machine}, load average {load}. "First call" is the first one after the start;
"instances" and "orphans" were counted in the process table or the engine, not asked of the gateway.

| runtime | killed at | when | first call | the rollout then | serves | instances | orphans |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


def run() -> list[str]:
    """The rows that the test printed; raises where it failed."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.xml"
        options = ["-q", f"--junitxml={report}", "-o", "junit_logging=system-out"]
        subprocess.run([sys.executable, "-m", "pytest", TEST, *options], cwd=ROOT, check=True)
        texts = [element.text or "" for element in ET.parse(report).iter("system-out")]  # noqa: S314  our own
    return [line for text in texts for line in text.splitlines() if line.startswith("| ")]


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {system}, Python {platform.python_version()}"


def main() -> None:
    rows = run()
    head = HEAD.format(
        test=TEST,
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        machine=machine(),
        load=f"{os.getloadavg()[2]:.1f}",
    )
    TARGET.write_text(head + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
