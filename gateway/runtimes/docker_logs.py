"""Output of containers: the engine keeps it while the container is there, the log file afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from docker.types import CancellableStream

from gateway.home import Home
from gateway.model import InstanceId
from gateway.runtimes import docker_names as names
from gateway.runtimes import logs
from gateway.runtimes.base import LogLine
from gateway.runtimes.docker_engine import Engine
from gateway.runtimes.docker_observe import seconds

_AGAIN = 0.3
_LONGEST_LINE = 64 * 2**10


def stamped(line: str) -> LogLine:
    """A line as the engine gives it: its time, a space, the text."""
    stamp, _, text = line.partition(" ")
    return LogLine(at=seconds(stamp), text=text)


def words(container: Container) -> str:
    """The last line that tells something."""
    try:
        output = container.logs(tail=20, stdout=True, stderr=True)
    except APIError:
        return ""
    return logs.last_words_of(output.decode(errors="replace").split("\n"))


def keep(container: Container, home: Home, instance: InstanceId, limit: int) -> None:
    """Append a container's output to the instance's log file, before the container is removed."""
    try:
        output = container.logs(timestamps=True)
    except APIError:
        return
    file = home.log_file(instance)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file.open("ab") as out:
        out.write(output if not output or output.endswith(b"\n") else output + b"\n")
    logs.trim(file, limit)


async def read(
    engine: Engine, home: Home, instance: InstanceId, *, tail: int, follow: bool
) -> AsyncGenerator[LogLine, None]:
    kept, _ = await asyncio.to_thread(logs.read_tail, home.log_file(instance), tail)
    name = names.container_name(home, instance)

    def current(client: docker.DockerClient) -> tuple[str, list[str]]:
        try:
            container = client.containers.get(name)
            # At least one, as its time says where following has to go on.
            output = container.logs(timestamps=True, tail=max(tail, 1))
        except NotFound:
            return "", []
        return str(container.id), [line for line in output.decode(errors="replace").split("\n") if line]

    container, lines = await engine.call(current)
    for line in [*kept, *lines][-tail:] if tail > 0 else []:
        yield stamped(line)
    if follow:
        async with contextlib.aclosing(_follow(engine, name, container, lines)) as coming:
            async for more in coming:
                yield more


async def _follow(
    engine: Engine, name: str, container: str, seen: list[str]
) -> AsyncGenerator[LogLine, None]:
    """What comes, over the containers that follow each other under one name."""
    last = seen[-1].partition(" ")[0] if seen else ""
    while True:
        if container:
            async with contextlib.aclosing(_Stream(engine, container, last).lines()) as lines:
                async for line in lines:
                    last = line.partition(" ")[0]
                    yield stamped(line)
        await asyncio.sleep(_AGAIN)
        following = await engine.call(lambda client: _id_of(client, name))
        if following != container:
            container, last = following, ""


def _id_of(client: docker.DockerClient, name: str) -> str:
    try:
        return str(client.containers.get(name).id)
    except NotFound:
        return ""


class _Stream:
    """One container's output after the time stamp ``last``, read in a thread of its own."""

    def __init__(self, engine: Engine, container: str, last: str) -> None:
        self._engine = engine
        self._container = container
        self._last = last
        self._queue: asyncio.Queue[str | None] = asyncio.Queue(maxsize=1000)
        self._loop = asyncio.get_running_loop()
        self._ended = threading.Event()
        self._output: CancellableStream[bytes] | None = None

    async def lines(self) -> AsyncGenerator[str, None]:
        threading.Thread(target=self._pump, name="docker logs", daemon=True).start()
        try:
            while (line := await self._queue.get()) is not None:
                yield line
        finally:
            self._ended.set()
            # Makes room, so that the thread is not left waiting for it.
            while not self._queue.empty():
                self._queue.get_nowait()
            await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        with contextlib.suppress(DockerException, requests.RequestException, OSError, AttributeError):
            if self._output is not None:
                self._output.close()

    def _pump(self) -> None:
        # Whatever ends the stream, the reader looks again.
        with contextlib.suppress(DockerException, requests.RequestException, OSError, ValueError):
            client = self._engine.new_client()
            with contextlib.closing(client):
                self._read(client)
        self._put(None)

    def _read(self, client: docker.DockerClient) -> None:
        # ``since`` of the engine is in whole seconds, so the lines known already come again.
        container = client.containers.get(self._container)
        since = int(seconds(self._last)) if self._last else None
        self._output = container.logs(stream=True, follow=True, timestamps=True, since=since)
        rest = b""
        for block in self._output:
            if self._ended.is_set():
                return
            *whole, rest = (rest + block).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                # Blocks begin with a time stamp, those within a line as well.
                whole, rest = [*whole, rest], b""
            for line in whole:
                text = line.decode(errors="replace")
                if text.partition(" ")[0] > self._last:
                    self._put(text)

    def _put(self, item: str | None) -> None:
        with contextlib.suppress(RuntimeError, TimeoutError):
            asyncio.run_coroutine_threadsafe(self._queue.put(item), self._loop).result(timeout=60)
