"""A plugin as a process of its own, as a runtime starts it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from plugway_sdk.testing import PluginClient

_PATHS = [str(Path(__file__).parent / "plugins"), str(Path(__file__).parent.parent)]


class PluginProcess:
    """Started, and told by its socket's address."""

    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self.process = process
        self.address = address
        self.output = ""

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait, return the exit code; ``output`` then holds all that was printed."""
        if self.process.returncode is None:
            self.process.send_signal(how)
        out, _ = await self.process.communicate()
        self.output += out.decode()
        assert self.process.returncode is not None
        return self.process.returncode

    def log(self) -> list[dict[str, Any]]:
        """Every line of the output, which must be JSON but for what gRPC's core writes by itself."""
        lines = self.output.splitlines()
        return [json.loads(line) for line in lines if not re.match(r"[EWI]\d{4} \d\d:", line)]


@asynccontextmanager
async def _running(
    module: str, directory: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[PluginProcess]:
    address = f"unix:{directory}/p.sock"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        cwd=directory,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(_PATHS),
            "PLUGWAY_LISTEN": address,
            "PLUGWAY_INSTANCE": "sample.1",
            "PLUGWAY_VOLUMES": str(directory / "volumes"),
            **(environment or {}),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    plugin = PluginProcess(process, address)
    try:
        yield plugin
    finally:
        await plugin.end(signal.SIGKILL)


@asynccontextmanager
async def _client_of(
    address: str, credentials: grpc.ChannelCredentials | None = None, name: str = ""
) -> AsyncIterator[PluginClient]:
    """A client, once the plugin serves."""
    options = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 100)]
    if name:
        options.append(("grpc.ssl_target_name_override", name))  # type: ignore[arg-type]  # text is fine here
    if credentials is None:
        channel = grpc.aio.insecure_channel(address, options=options)
    else:
        channel = grpc.aio.secure_channel(address, credentials, options=options)
    async with channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        await check(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=20)
        yield PluginClient(channel, user="ann", role="admin", base_path="/plugins/sample/api")


@pytest.fixture
def running() -> Callable[..., AbstractAsyncContextManager[PluginProcess]]:
    """``running(module, directory, environment)``: a plugin's process, killed at the end."""
    return _running


@pytest.fixture
def client_of() -> Callable[..., AbstractAsyncContextManager[PluginClient]]:
    """``client_of(address, credentials, name)``: a client, once the plugin there serves."""
    return _client_of
