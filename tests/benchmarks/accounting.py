"""What processes have used: processor time and memory, by the system's own accounting."""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

_PER_PROCESS_CLOCK = 2
"""``CPUCLOCK_SCHED`` of Linux: a process's user and system time, all threads, those that ended too."""


def tree(pid: int) -> list[int]:
    """A process and all that it has started, which live."""
    process = psutil.Process(pid)
    return [pid, *(child.pid for child in process.children(recursive=True))]


def cpu_seconds(pid: int) -> float:
    """User and system time of one process so far, to the nanosecond where the system counts so."""
    if platform.system() == "Linux":
        # What clock_getcpuclockid(3) gives; Python has no name for it.
        return time.clock_gettime(~pid << 3 | _PER_PROCESS_CLOCK)
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


class Account:
    """Processor time of some processes between two looks; one that ends meanwhile is an error."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._before = {pid: cpu_seconds(pid) for pid in pids}

    def spent(self) -> float:
        """Seconds since this was made, over all of them."""
        return sum(cpu_seconds(pid) - before for pid, before in self._before.items())


def memory(pids: Iterable[int]) -> int:
    """Bytes in memory; what several processes share counts once (PSS), where the system says it."""
    return sum(_proportional(pid) for pid in pids)


def _proportional(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup")
    if rollup.exists():
        for line in rollup.read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return int(psutil.Process(pid).memory_info().rss)


class Peak:
    """The highest that processes' memory was since this was made, above what it was then. Linux only."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._before = {pid: int(psutil.Process(pid).memory_info().rss) for pid in pids}
        for pid in self._before:
            # 5 resets the high water mark (proc(5)).
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def growth(self) -> int:
        """Bytes, over all of them."""
        return sum(max(0, _high_water(pid) - before) for pid, before in self._before.items())


def _high_water(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
