"""A real Redis for each test, and the plugin over its real contract."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import redis as redis_library
from plugway_sdk.testing import PluginClient, harness

from tests.parts import need_redis

sys.path.append(str(Path(__file__).resolve().parents[1]))


class RedisServer:
    """A redis-server of the test's own, which may be killed, stopped and started again."""

    def __init__(self, program: Path, directory: Path, *options: str, file: Path | None = None) -> None:
        self.program, self.directory, self.options = program, directory, options
        self.file = [str(file)] if file else []
        self.password = options[options.index("--requirepass") + 1] if "--requirepass" in options else None
        self.command: list[str] = []
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def raw(self) -> Any:
        """A plain client beside the plugin, to arrange and to look."""
        return redis_library.Redis(port=self.port, password=self.password, protocol=2)

    def start(self) -> None:
        """On the port it had before, or on a free one."""
        self.port = self.port or free_port()
        command = [str(self.program), *(self.command or self._usual())]
        with (self.directory / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + 20
        while not self._listens():
            if self.process.poll() is not None or time.monotonic() > until:
                pytest.fail(
                    f"redis-server did not start: {(self.directory / 'redis.log').read_text()[-800:]}"
                )
            time.sleep(0.02)

    def _usual(self) -> list[str]:
        usual = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        usual += ["--dir", str(self.directory), "--enable-debug-command", "yes"]
        return [*self.file, *usual, *self.options]

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """As the kernel's out-of-memory killer would."""
        assert self.process is not None
        self.send(signal.SIGKILL)
        self.process.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


StartRedis = Callable[..., RedisServer]
Open = Callable[..., AbstractAsyncContextManager[PluginClient]]


@pytest.fixture
def start_redis(tmp_path: Path) -> Iterator[StartRedis]:
    """Starts redis-server with these options."""
    program = need_redis()
    servers: list[RedisServer] = []

    def start(*options: str, file: Path | None = None) -> RedisServer:
        server = RedisServer(program, tmp_path, *options, file=file)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def redis(start_redis: StartRedis) -> RedisServer:
    return start_redis()


@pytest.fixture(scope="session")
def document() -> Any:
    """The plugin's OpenAPI document, made once: it takes a third of a second."""
    from redis_management.plugin import create_plugin

    app: Any = create_plugin().app
    return app.openapi()


@pytest.fixture
def open_plugin(document: Any) -> Open:
    """The plugin with one connection of these fields, or with these connections, over its contract."""

    @asynccontextmanager
    async def opened(
        server: RedisServer | None = None, *, connections: dict[str, Any] | None = None, **one: Any
    ) -> AsyncIterator[PluginClient]:
        from redis_management.plugin import create_plugin

        if server is not None:
            one = {"url": server.url, "password": server.password or "", **one}
        if one:
            connections = {"local": one}
        plugin = create_plugin()
        plugin.openapi = document
        settings = None if connections is None else {"connections": connections}
        async with harness(plugin, settings=settings) as client:
            yield client

    return opened


@pytest.fixture
async def client(redis: RedisServer, open_plugin: Open) -> AsyncIterator[PluginClient]:
    async with open_plugin(redis) as opened:
        yield opened


@pytest.fixture
async def site(redis: RedisServer) -> AsyncIterator[Any]:
    """The page on a port of its own, with a Redis of its own."""
    from redis_management.plugin import create_plugin

    from tests.shipped.browser import open_site

    async with open_site(create_plugin(), {"local": {"url": redis.url}}) as opened:
        yield opened


@pytest.fixture
async def page() -> AsyncIterator[Any]:
    """A tab of a real browser; whatever the page complains of fails the test."""
    from tests.shipped.browser import open_browser, open_page

    async with open_browser() as browser, open_page(browser) as opened:
        yield opened


def only(**connection: Any) -> dict[str, Any]:
    """Settings with one connection."""
    return {"connections": {"local": connection}}


async def eventually(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """What the awaitable condition gives once it gives something true."""
    until = time.monotonic() + seconds
    while not (found := await condition()):
        assert time.monotonic() < until, "it did not come true in time"
        await asyncio.sleep(0.05)
    return found
