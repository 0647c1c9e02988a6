"""A gateway with workers, for the tests of them: its processes, and what is left of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import psutil

from gateway.workers.messages import HEAD_BYTES, Message, decode, head
from tests.processes import of_home
from tests.releases import add_release
from tests.running import RunningGateway, gateway, until


def marked(home: Path, variable: str) -> list[psutil.Process]:
    """Living processes of this home that have the variable in their environment."""
    file = home / "home.id"
    mark = file.read_text().strip() if file.exists() else "?"
    return of_home(mark, variable)


def worker_pids(home: Path) -> list[int]:
    return sorted(process.pid for process in marked(home, "PLUGWAY_WORKER"))


def plugin_pids(home: Path) -> list[int]:
    return sorted(process.pid for process in marked(home, "PLUGWAY_INSTANCE"))


class Place:
    """A home, and the lives of the control processes on it. ``port`` is the first one's."""

    def __init__(self, tmp_path: Path, workers: int, **settings: str) -> None:
        self.home = tmp_path / "home"
        self.port = 0
        releases = tmp_path / "releases"
        add_release(releases, "1.0.0")
        add_release(releases, "2.0.0")
        self._settings = {
            "PLUGWAY_PLUGIN_PATH": str(releases),
            "PLUGWAY_WORKERS": str(workers),
            **{f"PLUGWAY_{name.upper()}": value for name, value in settings.items()},
        }

    def life(self, **settings: str) -> AbstractAsyncContextManager[RunningGateway]:
        """A control process: the first one, or one that takes over what runs."""
        changed = {f"PLUGWAY_{name.upper()}": value for name, value in settings.items()}
        return gateway(self.home, "process", self._settings | changed, port=self.port)

    async def ready(self, running: RunningGateway, workers: int) -> None:
        """Install the plugin `mover` and wait until it takes calls everywhere."""
        self.port = httpx.URL(running.base).port or 0
        answer = await running.client.post("/api/v1/plugins", json={"id": "mover", "version": "1.0.0"})
        assert answer.status_code == 201, answer.text
        await running.healthy("mover", 90)
        await serving(running, workers)

    def workers(self) -> list[int]:
        return worker_pids(self.home)

    async def gone(self) -> None:
        """Wait until no process of the home is left."""
        await until(lambda: not marked(self.home, "PLUGWAY_HOME_ID"), "all processes to have ended")


def taken(frame: bytes) -> Message:
    """The message in a frame, read as a stream reads it."""
    length, kind = head(frame[:HEAD_BYTES])
    assert len(frame) == HEAD_BYTES + length
    return decode(kind, frame[HEAD_BYTES:])


async def get(running: RunningGateway, path: str) -> httpx.Response:
    """On a connection of its own: a kept one may lead to a worker that was killed."""
    async with fresh_client(running) as client:
        return await client.get(path)


def fresh_client(running: RunningGateway) -> httpx.AsyncClient:
    """Like the gateway's own client, with no connection yet."""
    headers = {"authorization": running.client.headers["authorization"]}
    return httpx.AsyncClient(base_url=running.base, headers=headers, trust_env=False, timeout=20)


async def metric(running: RunningGateway, start: str) -> float:
    """The sum of all samples whose line begins so."""
    text = (await get(running, "/metrics")).raise_for_status().text
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(start))


async def serving(running: RunningGateway, workers: int) -> None:
    async def probe() -> bool:
        # 503 as long as the control process is not heard again.
        answers = (await get(running, "/metrics")).status_code == 200
        return answers and await metric(running, "plugway_workers ") == workers

    await until(probe, f"{workers} workers to take calls", 90)


@asynccontextmanager
async def place(tmp_path: Path, workers: int = 2, **settings: str) -> AsyncIterator[Place]:
    """Whatever becomes of the test, nothing is left running."""
    here = Place(tmp_path, workers, **settings)
    try:
        yield here
    except BaseException:
        told = here.home / "logs" / "workers.log"
        text = await asyncio.to_thread(told.read_text) if told.exists() else "nothing"
        logging.getLogger(__name__).error("The workers told: %s", text)
        raise
    finally:
        for process in await asyncio.to_thread(marked, here.home, "PLUGWAY_HOME_ID"):
            process.kill()
