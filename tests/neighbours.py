"""The built-in plugins behind one gateway, one of which suffers while calls to the others are watched."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.flooding import Caller
from tests.ground import Ground
from tests.running import ROOT, RunningGateway, gateway, until

HOSTILE = ROOT / "tests" / "fakes" / "plugins" / "hostile"
MEMORY = 160 * 2**20
EVERY = 0.02
"""Seconds between two calls to each plugin that is watched."""


def built_in() -> tuple[str, ...]:
    """Names of the plugins that come with the gateway."""
    return tuple(
        sorted(
            tomllib.loads(file.read_text())["id"]
            for file in (ROOT / "plugin_services").glob("*/plugway.toml")
        )
    )


@dataclass
class Watched:
    """Calls to some plugins: seconds of each, and what they answered."""

    seconds: list[float] = field(default_factory=list)
    answers: set[tuple[str, int, str]] = field(default_factory=set)


@dataclass(frozen=True)
class Neighbours:
    running: RunningGateway
    ground: Ground
    plugins: tuple[str, ...]

    @asynccontextmanager
    async def watched(self, plugins: Sequence[str]) -> AsyncIterator[Watched]:
        """Call these, one call after the other for each, as long as the block runs."""
        watched = Watched()
        calls = [asyncio.create_task(self._call(plugin, watched)) for plugin in plugins]
        try:
            yield watched
        finally:
            for call in calls:
                call.cancel()
            ended = await asyncio.gather(*calls, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def _call(self, plugin: str, watched: Watched) -> None:
        """What the plugin itself says of a path that it does not have, as it needs no server for that."""
        token = self.running.client.headers["authorization"]
        async with Caller(self.running.base, plugin, token) as caller:
            while True:
                began = time.perf_counter()
                status, body = await caller.call()
                watched.seconds.append(time.perf_counter() - began)
                watched.answers.add((plugin, status, json.loads(body)["title"]))
                await asyncio.sleep(EVERY)

    async def crash(self, plugin: str, times: int = 3) -> None:
        """kill -9, and again as soon as it is back."""
        for _ in range(times):
            before = await self.running.healthy(plugin, 60)
            release = before["instances"][0]["releaseId"]
            os.kill(await asyncio.to_thread(self.ground.pid, release), signal.SIGKILL)

            async def noticed(restarts: int = before["restarts"]) -> bool:
                return bool((await self.running.plugin(plugin))["restarts"] > restarts)

            await until(noticed, f"{plugin} to be started again", 60)
        await self.running.healthy(plugin, 60)

    async def flood(self, plugin: str, seconds: float = 2.0) -> int:
        """Callers that ask for it again at once, whatever it answers; how many answers they had."""
        # A process of their own: in this one they would hold up the calls that are watched.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.flooding", self.running.base, plugin, str(seconds)),
            cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        told, _ = await process.communicate(self.running.client.headers["authorization"].encode())
        assert process.returncode == 0
        return int(told)

    async def leak(self) -> None:
        """The hostile plugin takes more memory than it may have, and is started again for that."""
        before = await self.running.healthy("hostile", 60)
        answer = await self.running.client.post("/plugins/hostile/api/memory", content=str(MEMORY // 2**19))
        answer.raise_for_status()

        async def ended() -> bool:
            return bool((await self.running.plugin("hostile"))["restarts"] > before["restarts"])

        await until(ended, "the leak to be ended", 60)
        await self.running.healthy("hostile", 60)

    def ills(self) -> dict[str, tuple[str, Callable[[], Awaitable[int | None]]]]:
        """What may befall which plugin."""
        first = self.plugins[0]
        found: dict[str, tuple[str, Callable[[], Awaitable[int | None]]]] = {
            "crash": (first, lambda: self.crash(first)),
            "flood": (first, lambda: self.flood(first)),
        }
        if self.ground.runtime == "docker":
            # A process has the memory of its machine.
            found["leak"] = ("hostile", self.leak)
        return found


@asynccontextmanager
async def neighbours(home: Path, runtime: str, settings: Mapping[str, str]) -> AsyncIterator[Neighbours]:
    """All of them healthy, and a hostile one beside them."""
    plugins = built_in()
    told = {
        "PLUGWAY_INSTALL": ",".join((*plugins, "hostile")),
        "PLUGWAY_PLUGIN_PATH": str(HOSTILE.parent),
        "PLUGWAY_MEMORY_BYTES": str(MEMORY),
        **settings,
    }
    async with gateway(home, runtime, told) as running:
        for plugin in (*plugins, "hostile"):
            # In a container, an image has to be built for each.
            await running.healthy(plugin, 200)
        yield Neighbours(running, Ground(home, runtime), plugins)
