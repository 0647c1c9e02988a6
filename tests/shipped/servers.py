"""What a plugin manages, as a process of the test's own."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.running import until


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


async def eventually(condition: Callable[[], Any], seconds: float = 40) -> Any:
    """What the condition gives once it gives something true."""
    return await until(condition, "it to come true", seconds)


class Server:
    """May be killed, stopped and started again, with what it knew and on the same port."""

    environment: Mapping[str, str] | None = None
    place: Path | None = None
    """Where it is started."""
    called = "local"
    """The name of its connection."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def connection(self) -> dict[str, Any]:
        """The plugin's settings for it."""
        return {"url": self.url}

    def connections(self, **more: Any) -> dict[str, Any]:
        return {self.called: {**self.connection, **more}}

    def command(self) -> list[str]:
        raise NotImplementedError

    def ready(self) -> bool:
        return listens(self.port)

    def start(self) -> None:
        """On the port it had before, or on a free one."""
        self.port = self.port or free_port()
        self.directory.mkdir(parents=True, exist_ok=True)
        log = self.directory / "server.log"
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command(), stdout=out, stderr=out, env=self.environment, cwd=self.place
            )
        end = time.monotonic() + 60
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"{type(self).__name__} did not start: {log.read_text()[-800:]}")
            time.sleep(0.03)

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """As the kernel's out-of-memory killer would."""
        assert self.process is not None
        self.send(signal.SIGKILL)
        self.process.wait(10)
