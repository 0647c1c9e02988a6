"""A plugin as a process of its own, as a runtime starts it: for tests of kills and restarts."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from plugway_sdk.testing.client import PluginClient

_START_UP = 20.0
_CORE_LINE = re.compile(r"[EWI]\d{4} \d\d:")
_SDK = str(Path(__file__).resolve().parent.parent.parent)


class PluginProcess:
    """A started plugin. ``output`` holds what it printed, once it has ended."""

    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self._process = process
        self.address = address
        self.output = ""

    def send_signal(self, what: signal.Signals) -> None:
        self._process.send_signal(what)

    async def ended(self) -> int:
        """Wait for its end; returns the exit code, negative for a signal."""
        out, _ = await self._process.communicate()
        self.output += out.decode()
        assert self._process.returncode is not None
        return self._process.returncode

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait. Does nothing where it has ended already."""
        if self._process.returncode is None:
            self.send_signal(how)
        return await self.ended()

    def log(self) -> list[dict[str, Any]]:
        """Every line of the output, which must be JSON but for what gRPC's core writes by itself."""
        return [json.loads(line) for line in self.output.splitlines() if not _CORE_LINE.match(line)]

    @asynccontextmanager
    async def client(
        self, credentials: grpc.ChannelCredentials | None = None, server_name: str = ""
    ) -> AsyncIterator[PluginClient]:
        """A client, once the plugin serves; raises grpc.aio.AioRpcError where it does not in 20 s."""
        options: list[tuple[str, Any]] = [("grpc.max_reconnect_backoff_ms", 100)]
        if server_name:
            options.append(("grpc.ssl_target_name_override", server_name))
        if credentials is None:
            channel = grpc.aio.insecure_channel(self.address, options)
        else:
            channel = grpc.aio.secure_channel(self.address, credentials, options)
        async with channel:
            check = health_pb2_grpc.HealthStub(channel).Check
            await check(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=_START_UP)
            yield PluginClient(channel, user="ann", role="admin", base_path="/plugins/under-test/api")


@asynccontextmanager
async def plugin_process(
    *arguments: str, directory: Path, path: Sequence[Path] = (), environment: Mapping[str, str] | None = None
) -> AsyncIterator[PluginProcess]:
    """``python ARGUMENTS`` in ``directory``, which holds its socket and volumes; killed at the end.

    ``path`` is added to PYTHONPATH, ``environment`` to what a runtime gives.
    """
    listen = (environment or {}).get("PLUGWAY_LISTEN", f"unix:{directory}/p.sock")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=directory,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([*map(str, path), _SDK]),
            "PLUGWAY_LISTEN": listen,
            "PLUGWAY_INSTANCE": "under-test",
            "PLUGWAY_VOLUMES": str(directory / "volumes"),
            **(environment or {}),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    plugin = PluginProcess(process, listen.removeprefix("tcp:"))
    try:
        yield plugin
    finally:
        await plugin.end(signal.SIGKILL)
