"""What the scripts that publish a run of tests have in common: the printed rows, and where it ran."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def rows(test: str, options: Sequence[str] = ()) -> list[str]:
    """The table rows that a file of tests printed; raises where a test failed or was skipped."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.xml"
        kept = ["-q", f"--junitxml={report}", "-o", "junit_logging=system-out"]
        command = [sys.executable, "-m", "pytest", test, *kept, *options]
        subprocess.run(command, cwd=ROOT, check=True)
        root = ET.parse(report).getroot()  # noqa: S314  our own
    if skipped := [case.get("name") for case in root.iter("testcase") if case.find("skipped") is not None]:
        raise SystemExit(f"not run here: {skipped}")
    texts = [element.text or "" for element in root.iter("system-out")]
    return [line for text in texts for line in text.splitlines() if line.startswith("| ")]


def circumstances() -> str:
    """When and where, in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    python = platform.python_version()
    date = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    load = f"load average of the last quarter of an hour {os.getloadavg()[2]:.1f}"
    return f"{date}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}, Python {python}, {load}"
