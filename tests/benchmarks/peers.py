"""The processes that are measured."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import envoy

_READY_SECONDS = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


@contextlib.contextmanager
def module(name: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with process(sys.executable, "-m", f"tests.benchmarks.{name}", *arguments) as running:
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


def envoy_command(port: int, plugin_socket: str, directory: Path) -> list[str] | None:
    """How to run Envoy with one worker, or None where it is not installed."""
    program = envoy.binary()
    if program is None:
        return None
    config = envoy.write_config(port, plugin_socket, directory)
    return [
        *(str(program), "-c", str(config), "--concurrency", "1", "--log-level", "off"),
        *("--use-dynamic-base-id", "--disable-hot-restart"),
    ]
