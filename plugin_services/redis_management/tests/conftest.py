"""A real Redis for each test, and the plugin over its real contract."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_library
from plugway_sdk.testing import PluginClient

from tests.parts import need_redis
from tests.shipped.fixtures import Create, Open, document, open_plugin, page
from tests.shipped.servers import Server

__all__ = ["document", "open_plugin", "page"]  # fixtures
sys.path.append(str(Path(__file__).resolve().parents[1]))


class RedisServer(Server):
    """A redis-server of the test's own."""

    def __init__(self, program: Path, directory: Path, *options: str, file: Path | None = None) -> None:
        super().__init__(directory)
        self.program, self.options = program, options
        self.file = [str(file)] if file else []
        self.password = options[options.index("--requirepass") + 1] if "--requirepass" in options else None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def connection(self) -> dict[str, Any]:
        return {"url": self.url, "password": self.password or ""}

    @property
    def raw(self) -> Any:
        """A plain client beside the plugin, to arrange and to look."""
        return redis_library.Redis(port=self.port, password=self.password, protocol=2)

    def command(self) -> list[str]:
        usual = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        usual += ["--dir", str(self.directory), "--enable-debug-command", "yes"]
        return [str(self.program), *self.file, *usual, *self.options]


StartRedis = Callable[..., RedisServer]


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
def create_plugin() -> Create:
    from redis_management.plugin import create_plugin

    return create_plugin


@pytest.fixture
async def client(redis: RedisServer, open_plugin: Open) -> AsyncIterator[PluginClient]:
    async with open_plugin(redis) as opened:
        yield opened


@pytest.fixture
async def site(redis: RedisServer, create_plugin: Create) -> AsyncIterator[Any]:
    """The page on a port of its own, with a Redis of its own."""
    from tests.shipped.browser import open_site

    async with open_site(create_plugin(), redis.connections()) as opened:
        yield opened


def only(**connection: Any) -> dict[str, Any]:
    """Settings with one connection."""
    return {"connections": {"local": connection}}
