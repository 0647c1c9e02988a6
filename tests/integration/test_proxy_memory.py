"""Transfers far longer than memory: the gateway, a process of its own, does not grow with them.

``PLUGWAY_TEST_TRANSFER`` is their size in MiB.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.fakes.data_plane import TOKEN

MIB = 2**20
SIZE = int(os.environ.get("PLUGWAY_TEST_TRANSFER", "256")) * MIB
GROWTH = 24 * MIB
API = "/plugins/notes/api"
HEAD = f"host: localhost\r\nauthorization: Bearer {TOKEN}\r\nconnection: close\r\n"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@dataclass
class Running:
    port: int
    process: psutil.Process

    @property
    def memory(self) -> int:
        return int(self.process.memory_info().rss)


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Running]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    at = tmp_path / "p.sock"
    plugin = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.contract_plugin", f"unix:{at}"
    )
    program = ("-m", "tests.benchmarks.gateway_process", str(port), str(at), "1", str(tmp_path))
    process = await asyncio.create_subprocess_exec(sys.executable, *program)
    try:
        async with asyncio.timeout(60):
            while not at.exists() or not await _answers(port):  # noqa: ASYNC110  nothing announces it
                await asyncio.sleep(0.1)
        yield Running(port, psutil.Process(process.pid))
    finally:
        for one in (process, plugin):
            one.kill()
            await one.wait()


async def _download(gateway: Running, size: int) -> tuple[int, int]:
    """How much came, and the gateway's highest memory meanwhile."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=MIB)
    writer.write(f"GET {API}/stream/{size} HTTP/1.1\r\n{HEAD}\r\n".encode())
    taken = most = parts = 0
    while part := await reader.read(MIB):
        taken += len(part)
        parts += 1
        if parts % 64 == 0:
            most = max(most, gateway.memory)
    writer.close()
    return taken, most


async def _upload(gateway: Running, size: int) -> tuple[bytes, int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(f"PUT {API}/files HTTP/1.1\r\n{HEAD}content-length: {size}\r\n\r\n".encode())
    part, most = b"u" * 65536, 0
    for number in range(size // len(part)):
        writer.write(part)
        await writer.drain()
        if number % 64 == 0:
            most = max(most, gateway.memory)
    answer = await reader.read()
    writer.close()
    return answer, most


async def test_a_download_takes_constant_memory(gateway: Running) -> None:
    await _download(gateway, 16 * MIB)
    before = gateway.memory
    taken, most = await _download(gateway, SIZE)
    assert taken > SIZE
    print(f"{SIZE // MIB} MiB down: {before // 1024} KiB before, at most {most // 1024} KiB")  # noqa: T201
    assert most - before < GROWTH


async def test_an_upload_takes_constant_memory(gateway: Running) -> None:
    await _upload(gateway, 16 * MIB)
    before = gateway.memory
    answer, most = await _upload(gateway, SIZE)
    assert answer.startswith(b"HTTP/1.1 201")
    assert str(SIZE + 16 * MIB).encode() in answer, "the plugin counts both uploads"
    print(f"{SIZE // MIB} MiB up: {before // 1024} KiB before, at most {most // 1024} KiB")  # noqa: T201
    assert most - before < GROWTH
