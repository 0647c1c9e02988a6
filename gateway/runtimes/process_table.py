"""The operating system's processes, as far as they carry the marks of one home. All blocking."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from gateway.home import Home
from gateway.model import InstanceId
from gateway.runtimes.marks import marks_of


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """What waiting for a child told: a code, or the signal that killed it."""

    code: int | None = None
    signal: int | None = None


def marked(home: Home) -> Iterator[tuple[InstanceId, psutil.Process]]:
    """Every living process of this home, leaders and what they have started."""
    for process in psutil.process_iter():
        if (instance := mark_of(process, home)) is not None:
            yield instance, process


def mark_of(process: psutil.Process, home: Home) -> InstanceId | None:
    """The instance that a living process belongs to; dead ones and other users' have none."""
    try:
        return marks_of(process.environ(), home)
    except (psutil.Error, OSError):
        return None


def is_leader(process: psutil.Process) -> bool:
    """Every instance is started as the leader of a process group; what it forks is not."""
    try:
        return os.getpgid(process.pid) == process.pid
    except OSError:
        return False


def find(pid: int, started_at: float, instance: InstanceId, home: Home) -> psutil.Process | None:
    """The living process of that pid, if it is this instance and not a stranger on a reused pid.

    A program may overwrite its environment (to set its title), so the time of its start counts too.
    """
    if not pid:
        return None
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        same_start = abs(process.create_time() - started_at) < 1.0
    except psutil.Error:
        return None
    return process if same_start or mark_of(process, home) == instance else None


def started_at(pid: int) -> float:
    """Unix time of the process's start; now, where it has ended already."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return time.time()


class StillEnding(Exception):
    """The child's first thread has ended, but not yet all of them: how it ended is not known so far."""


def reap(pid: int) -> ExitStatus | None:
    """How a dead child ended; None where it is not (any more) a child of this gateway.

    Raises :class:`StillEnding`.
    """
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    if found == 0:
        raise StillEnding
    if os.WIFSIGNALED(status):
        return ExitStatus(signal=os.WTERMSIG(status))
    return ExitStatus(code=os.WEXITSTATUS(status))


def send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        return


def kill_all(instance: InstanceId, home: Home) -> None:
    """Kill the instance and all that it has started, until a look finds none."""
    for _ in range(50):
        living = [process for found, process in marked(home) if found == instance]
        if not living:
            return
        for process in living:
            send(process, signal.SIGKILL)
        psutil.wait_procs(living, timeout=1.0)
