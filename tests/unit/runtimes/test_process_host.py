"""The blocking half of the process runtime, looked at while it acts."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from gateway.home import Home
from gateway.model import InstanceState
from gateway.runtimes import process_record as records
from gateway.runtimes.listen import UnixListening
from gateway.runtimes.process_host import ProcessHost
from gateway.settings import Settings
from tests.contract.runtime_kit import spec, with_command


def test_a_look_during_a_start_takes_nothing_for_ended(tmp_path: Path) -> None:
    """Else the gateway would lose sight of a process that runs well, and start it again."""
    home = Home(tmp_path).open()
    host = ProcessHost(home, Settings.model_validate({}), UnixListening())
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            host.list()
            host.sweep()

    watchers = [threading.Thread(target=look) for _ in range(3)]
    for watcher in watchers:
        watcher.start()
    try:
        for _ in range(15):
            instance = spec(with_command("sleep", "60"))
            started = host.start(instance)
            assert started.state is InstanceState.RUNNING
            record = records.read(home, instance.id)
            assert record is not None
            assert (str(record.pid), record.exit) == (started.handle, None)
            host.remove(instance.id)
    finally:
        ended.set()
        for watcher in watchers:
            watcher.join()
        home.close()


def test_a_process_has_a_group_of_its_own_in_the_session_of_the_gateway(tmp_path: Path) -> None:
    """A signal from the terminal is not for it, and a busy one is scheduled like any other process."""
    home = Home(tmp_path).open()
    host = ProcessHost(home, Settings.model_validate({}), UnixListening())
    instance = spec(with_command("sleep", "60"))
    try:
        pid = int(host.start(instance).handle)
        assert (os.getpgid(pid), os.getsid(pid)) == (pid, os.getsid(0))
    finally:
        host.remove(instance.id)
        home.close()
