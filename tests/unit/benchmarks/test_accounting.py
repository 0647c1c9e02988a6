"""Against processes that say themselves what they used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.benchmarks.accounting import Account, Peak, cpu_seconds, memory, tree

MIB = 2**20
_WORKER = """
import sys, threading, time
held = []
def burn(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass
for line in sys.stdin:
    what, number = line.split()
    before = time.process_time()
    if what == "burn":
        burn(float(number))
    elif what == "thread":
        thread = threading.Thread(target=burn, args=(float(number),))
        thread.start()
        thread.join()
    elif what == "hold":
        held.append(bytearray(b"x") * int(number))
    elif what == "touch":
        bytearray(b"x") * int(number)
    print(time.process_time() - before, flush=True)
"""


class Worker:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid

    def do(self, what: str, number: float) -> float:
        """The seconds that it used, as it says itself."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{what} {number}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


@contextmanager
def worker() -> Iterator[Worker]:
    with subprocess.Popen(
        [sys.executable, "-c", _WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        made = Worker(process)
        made.do("burn", 0)
        yield made
        assert process.stdin is not None
        process.stdin.close()


@pytest.mark.parametrize("how", ["burn", "thread"])
def test_what_a_process_used_is_what_it_says(how: str) -> None:
    with worker() as running:
        account = Account([running.pid])
        said = running.do(how, 0.2)
        spent = account.spent()
    # Also that of a thread which has ended. Reading a line and answering is not in what it says.
    assert said >= 0.2
    assert said <= spent <= said + 0.05


def test_several_processes_are_added_up_and_an_idle_one_uses_nothing() -> None:
    with worker() as one, worker() as two:
        both, idle = Account([one.pid, two.pid]), cpu_seconds(two.pid)
        said = one.do("burn", 0.1)
        # It may only just have begun to wait.
        assert cpu_seconds(two.pid) - idle < 0.01
        assert said <= both.spent() <= said + 0.05
        said += two.do("burn", 0.1)
        assert said <= both.spent() <= said + 0.1


def test_a_tree_has_the_processes_that_a_process_started() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert len(tree(process.pid)) == 2
        process.kill()


def test_memory_that_is_kept_and_memory_that_was_used_for_a_moment() -> None:
    with worker() as running:
        peak, before = Peak([running.pid]), memory([running.pid])
        running.do("hold", 32 * MIB)
        assert 31 * MIB <= memory([running.pid]) - before <= 40 * MIB
        assert 31 * MIB <= peak.growth() <= 40 * MIB
        again = Peak([running.pid])
        running.do("touch", 48 * MIB)
        assert memory([running.pid]) - before <= 48 * MIB
        assert 47 * MIB <= again.growth() <= 56 * MIB
