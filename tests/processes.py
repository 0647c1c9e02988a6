"""Which processes there are of a home, or of a directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil


def living(wanted: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
    """Those that have not ended, of those that this user may look at."""
    found = []
    for process in psutil.process_iter():
        try:
            if wanted(process) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def of_home(mark: str, variable: str = "PLUGWAY_HOME_ID") -> list[psutil.Process]:
    """Those that carry the home's mark, and have ``variable`` in their environment."""

    def wanted(process: psutil.Process) -> bool:
        environment = process.environ()
        return environment.get("PLUGWAY_HOME_ID") == mark and variable in environment

    return living(wanted)


def in_directory(directory: Path) -> list[psutil.Process]:
    """Those that run there."""
    return living(lambda process: process.cwd() == str(directory))
