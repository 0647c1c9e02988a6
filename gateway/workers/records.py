"""Which workers of a home run: a file each, which the worker itself writes and removes. All blocking."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from gateway.home import Home
from gateway.runtimes.marks import HOME_ID
from gateway.workers.acceptor import load_file

WORKER = "PLUGWAY_WORKER"
"""Marks a worker's process in its environment, beside the mark of its home."""

_LOOK_AGAIN = 0.05


@dataclass(frozen=True, slots=True)
class Record:
    """One worker's process; ``started_at`` tells it from another on a reused pid."""

    name: str
    pid: int
    started_at: float

    @classmethod
    def of_this_process(cls, name: str) -> Record:
        return cls(name, os.getpid(), psutil.Process().create_time())


def write(home: Home, record: Record) -> None:
    file = _file(home, record.name)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = file.with_suffix(".new")
    partial.write_text(json.dumps(asdict(record)))
    partial.replace(file)


def remove(home: Home, name: str) -> None:
    _file(home, name).unlink(missing_ok=True)
    load_file(home.workers_root, name).unlink(missing_ok=True)


def read_all(home: Home) -> Iterator[Record]:
    """What is recorded and alive; records of the dead are removed."""
    for file in sorted(home.workers_root.glob("*.json")):
        try:
            record = Record(**json.loads(file.read_text()))
        except (OSError, ValueError, TypeError):
            continue  # Removed a moment ago, or not one of ours.
        if alive(record):
            yield record
        else:
            remove(home, record.name)


def alive(record: Record) -> bool:
    """Whether the process runs; one that has ended is reaped where it is a child."""
    with suppress(ChildProcessError):
        if os.waitpid(record.pid, os.WNOHANG)[0]:
            return False
    try:
        process = psutil.Process(record.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # The system's idea of when it was booted, from which such times are reckoned, may move by a second.
        same_start = abs(process.create_time() - record.started_at) < 1.0
        return same_start or process.environ().get(WORKER) == record.name
    except (psutil.Error, OSError):
        return False


def send(record: Record, number: signal.Signals) -> None:
    """Send a signal, where the process is still this worker."""
    if alive(record):
        with suppress(ProcessLookupError):
            os.kill(record.pid, number)


def ask_to_end(record: Record) -> None:
    """Finish its calls and end; a stopped process could not act on it."""
    send(record, signal.SIGTERM)
    send(record, signal.SIGCONT)


def end_all(home: Home, grace: float) -> int:
    """End every recorded worker, first in good order; returns how many there were."""
    living = list(read_all(home))
    for record in living:
        ask_to_end(record)
    end = time.monotonic() + grace
    while time.monotonic() < end and any(alive(record) for record in living):
        time.sleep(_LOOK_AGAIN)
    for record in living:
        send(record, signal.SIGKILL)
        while alive(record):
            time.sleep(_LOOK_AGAIN)
        remove(home, record.name)
    return len(living)


def spawn(home: Home, name: str, listener: int) -> Record:
    """Start a worker in a session of its own, its log in the home; raises OSError."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PLUGWAY_")}
    log = home.path / "logs" / "workers.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.worker", str(home.path), name, str(listener)],
            env=kept | {HOME_ID: home.id, WORKER: name},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(listener,),
            start_new_session=True,
            umask=0o077,
        )
    # The process may outlive this object and this gateway; see alive() for who waits for it.
    process.returncode = 0
    try:
        started_at = psutil.Process(process.pid).create_time()
    except psutil.Error:
        started_at = time.time()
    return Record(name, process.pid, started_at)


def _file(home: Home, name: str) -> Path:
    return home.workers_root / f"{name}.json"
