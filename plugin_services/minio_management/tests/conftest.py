"""A real MinIO for each test file, and the plugin over its real contract."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from minio import Minio, MinioAdmin
from minio.credentials.providers import StaticProvider
from plugway_sdk.testing import PluginClient, harness

from tests.parts import need_minio

sys.path.append(str(Path(__file__).resolve().parents[1]))
USER, SECRET = "root-user", "s3cret-Passw0rd-&%/"


class MinioServer:
    """A MinIO of the test's own, which may be killed, stopped and started again."""

    def __init__(self, program: Path, directory: Path, *options: str) -> None:
        self.program, self.directory, self.options = program, directory, options
        self.environment: dict[str, str] = {}
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def connection(self) -> dict[str, Any]:
        return {"url": self.url, "accessKey": USER, "secretKey": SECRET}

    @property
    def raw(self) -> Minio:
        """The plain client beside the plugin, to arrange and to look."""
        return Minio(f"127.0.0.1:{self.port}", USER, SECRET, secure=False, region="us-east-1")

    @property
    def admin(self) -> MinioAdmin:
        credentials = StaticProvider(USER, SECRET)
        return MinioAdmin(endpoint=f"127.0.0.1:{self.port}", credentials=credentials, secure=False)

    def start(self, scheme: str = "http") -> None:
        """On the port it had before, or on a free one."""
        self.port = self.port or free_port()
        command = [str(self.program), "server", str(self.directory / "data"), *self.options]
        own = {"MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": SECRET, "MINIO_BROWSER": "off"}
        # Several disks of a test are directories of the root's disk, which it takes with CI_CD only.
        own["MINIO_CI_CD"] = "1"
        environment = {**os.environ, **own, "MINIO_UPDATE": "off", "HOME": str(self.directory)}
        environment |= self.environment
        self.directory.mkdir(parents=True, exist_ok=True)
        log = self.directory / "minio.log"
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [*command, "--address", f"127.0.0.1:{self.port}"], stdout=out, stderr=out, env=environment
            )
        until = time.monotonic() + 60
        while not self._ready(scheme):
            if self.process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"minio did not start: {log.read_text()[-800:]}")
            time.sleep(0.05)

    def _ready(self, scheme: str) -> bool:
        if scheme == "https":
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return True
            return False
        address = f"{self.url}/minio/health/cluster"
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
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


StartMinio = Callable[..., MinioServer]
Open = Callable[..., AbstractAsyncContextManager[PluginClient]]


@pytest.fixture
def start_minio(tmp_path: Path) -> Iterator[StartMinio]:
    """Starts a server with these options."""
    program = need_minio()
    servers: list[MinioServer] = []

    def start(*options: str, scheme: str = "http", environment: dict[str, str] | None = None) -> MinioServer:
        server = MinioServer(program, tmp_path / f"minio{len(servers)}", *options)
        server.environment = environment or {}
        servers.append(server)
        server.start(scheme)
        return server

    yield start
    for server in servers:
        server.kill()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """One server for the tests of a file that neither stop it nor mind other buckets."""
    server = MinioServer(need_minio(), tmp_path_factory.mktemp("minio"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def minio(start_minio: StartMinio) -> MinioServer:
    return start_minio()


@pytest.fixture(scope="session")
def document() -> Any:
    """The plugin's OpenAPI document, made once."""
    from minio_management.plugin import create_plugin

    app: Any = create_plugin().app
    return app.openapi()


@pytest.fixture
def open_plugin(document: Any) -> Open:
    """The plugin with these connections, over its contract."""

    @asynccontextmanager
    async def opened(
        server: MinioServer | None = None, *, connections: dict[str, Any] | None = None, **more: Any
    ) -> AsyncIterator[PluginClient]:
        from minio_management.plugin import create_plugin

        if server is not None:
            connections = {"local": {**server.connection, **more}}
        plugin = create_plugin()
        plugin.openapi = document
        settings = None if connections is None else {"connections": connections}
        async with harness(plugin, settings=settings) as client:
            yield client

    return opened


@pytest.fixture
async def client(shared: MinioServer, open_plugin: Open) -> AsyncIterator[PluginClient]:
    async with open_plugin(shared) as opened:
        yield opened


@pytest.fixture
async def site(minio: MinioServer) -> AsyncIterator[Any]:
    """The page on a port of its own, with a server of its own."""
    from minio_management.plugin import create_plugin

    from tests.shipped.browser import open_site

    async with open_site(create_plugin(), {"local": minio.connection}) as opened:
        yield opened


@pytest.fixture
async def page() -> AsyncIterator[Any]:
    """A tab of a real browser; whatever the page complains of fails the test."""
    from tests.shipped.browser import open_browser, open_page

    async with open_browser() as browser, open_page(browser) as opened:
        yield opened


async def eventually(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """What the awaitable condition gives once it gives something true."""
    until = time.monotonic() + seconds
    while not (found := await condition()):
        assert time.monotonic() < until, "it did not come true in time"
        await asyncio.sleep(0.05)
    return found
