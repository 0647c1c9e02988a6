"""A real MinIO for each test file, and the plugin over its real contract."""

from __future__ import annotations

import contextlib
import os
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from minio import Minio, MinioAdmin
from minio.credentials.providers import StaticProvider
from plugway_sdk.testing import PluginClient

from tests.parts import need_minio
from tests.shipped.fixtures import Create, Open, document, open_plugin, page
from tests.shipped.servers import Server

__all__ = ["document", "open_plugin", "page"]  # fixtures
sys.path.append(str(Path(__file__).resolve().parents[1]))
USER, SECRET = "root-user", "s3cret-Passw0rd-&%/"


class MinioServer(Server):
    """A MinIO of the test's own, with a certificate where ``scheme`` is https."""

    def __init__(self, program: Path, directory: Path, *options: str, scheme: str = "http") -> None:
        super().__init__(directory)
        self.program, self.options, self.scheme = program, options, scheme
        own = {"MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": SECRET, "MINIO_BROWSER": "off"}
        # Several disks of a test are directories of the root's disk, which it takes with CI_CD only.
        own |= {"MINIO_CI_CD": "1", "MINIO_UPDATE": "off", "HOME": str(directory)}
        self.environment = {**os.environ, **own}

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

    def command(self) -> list[str]:
        place = ["--address", f"127.0.0.1:{self.port}", str(self.directory / "data")]
        return [str(self.program), "server", *place, *self.options]

    def ready(self) -> bool:
        if self.scheme == "https":
            return super().ready()
        address = f"{self.url}/minio/health/cluster"
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
        return False


StartMinio = Callable[..., MinioServer]


@pytest.fixture
def start_minio(tmp_path: Path) -> Iterator[StartMinio]:
    """Starts a server with these options."""
    program = need_minio()
    servers: list[MinioServer] = []

    def start(*options: str, scheme: str = "http", environment: dict[str, str] | None = None) -> MinioServer:
        server = MinioServer(program, tmp_path / f"minio{len(servers)}", *options, scheme=scheme)
        server.environment |= environment or {}
        servers.append(server)
        server.start()
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
def create_plugin() -> Create:
    from minio_management.plugin import create_plugin

    return create_plugin


@pytest.fixture
async def client(shared: MinioServer, open_plugin: Open) -> AsyncIterator[PluginClient]:
    async with open_plugin(shared) as opened:
        yield opened


@pytest.fixture
async def site(minio: MinioServer, create_plugin: Create) -> AsyncIterator[Any]:
    """The page on a port of its own, with a server of its own."""
    from tests.shipped.browser import open_site

    async with open_site(create_plugin(), minio.connections()) as opened:
        yield opened
