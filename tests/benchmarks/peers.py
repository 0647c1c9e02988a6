"""The processes that are measured."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks import envoy

_READY_SECONDS = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def on_cores(cores: Sequence[int]) -> Iterator[None]:
    """What is started meanwhile runs on these processors only; none means wherever it likes."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def process(*command: str, piped: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """Ended when the block is left. ``piped`` gives it pipes for input and output."""
    ends = subprocess.PIPE if piped else subprocess.DEVNULL
    running = subprocess.Popen(command, stdin=ends, stdout=ends)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(2)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
        for end in (running.stdin, running.stdout):
            if end is not None:
                end.close()


@contextlib.contextmanager
def module(name: str, *arguments: str, piped: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    command = (sys.executable, "-m", f"tests.benchmarks.{name}", *arguments)
    with process(*command, piped=piped) as running:
        yield running


async def listening(port: int, running: subprocess.Popen[bytes]) -> None:
    """Wait until something listens; raises ``RuntimeError`` where the process ends first."""
    async with asyncio.timeout(_READY_SECONDS):
        while True:
            if running.poll() is not None:
                raise RuntimeError(f"{running.args!r} ended with {running.returncode}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return


async def exists(path: Path) -> None:
    async with asyncio.timeout(_READY_SECONDS):
        while not path.exists():  # noqa: ASYNC110  another process makes it
            await asyncio.sleep(0.02)


def envoy_command(port: int, plugin_socket: str, http_socket: str, directory: Path) -> list[str]:
    """How to run Envoy with one worker."""
    config = envoy.write_config(port, plugin_socket, http_socket, directory)
    return [
        *(str(envoy.binary()), "-c", str(config), "--concurrency", "1", "--log-level", "off"),
        *("--use-dynamic-base-id", "--disable-hot-restart"),
    ]
