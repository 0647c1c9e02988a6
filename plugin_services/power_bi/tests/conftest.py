"""A Power BI of the tests' own for each test file, and the plugin over its real contract."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from plugway_sdk.testing import PluginClient, harness

from plugin_services.power_bi.tests import content

sys.path.append(str(Path(__file__).resolve().parents[1]))
CLOUD = Path(__file__).with_name("cloud.py")


class CloudServer:
    """``cloud.py`` as a process of its own, which may be killed, stopped and started again."""

    def __init__(self, directory: Path, *tls: str) -> None:
        self.directory, self.tls = directory, tls
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}" if self.tls else f"http://127.0.0.1:{self.port}"

    @property
    def connection(self) -> dict[str, Any]:
        return {
            "tenantId": content.TENANT,
            "clientId": content.CLIENT,
            "clientSecret": content.SECRET,
            "apiUrl": self.url,
            "loginUrl": self.url,
        }

    def start(self) -> None:
        """On the port it had before, or on a free one."""
        self.port = self.port or free_port()
        self.directory.mkdir(parents=True, exist_ok=True)
        log = self.directory / "cloud.log"
        command = [sys.executable, str(CLOUD), str(self.port), str(self.directory / "state.json"), *self.tls]
        with log.open("ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out)
        until = time.monotonic() + 60
        while not self._listens():
            if self.process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"the tests' Power BI did not start: {log.read_text()[-800:]}")
            time.sleep(0.05)

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def tell(self, **wanted: Any) -> Any:
        """What shall go wrong from now on; returns what it saw and holds."""
        request = urllib.request.Request(
            f"{self.url}/_test", json.dumps(wanted).encode(), {"content-type": "application/json"}
        )
        context = ssl._create_unverified_context() if self.tls else None
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            return json.load(answer)

    async def told(self, **wanted: Any) -> Any:
        return await asyncio.to_thread(self.tell, **wanted)

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


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudServer]:
    """One for the tests of a file; :func:`well` mends what a test broke."""
    server = CloudServer(tmp_path_factory.mktemp("cloud"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def well(cloud: CloudServer) -> CloudServer:
    """The same, as if nothing had gone wrong before."""
    cloud.tell(throttle=0, fail=0, forbid=False, life=3599, forget=True)
    return cloud


Open = Callable[..., AbstractAsyncContextManager[PluginClient]]


@pytest.fixture(scope="session")
def document() -> Any:
    """The plugin's OpenAPI document, made once."""
    from power_bi.plugin import create_plugin

    app: Any = create_plugin().app
    return app.openapi()


@pytest.fixture
def open_plugin(document: Any) -> Open:
    """The plugin with these connections, over its contract."""

    @asynccontextmanager
    async def opened(
        server: CloudServer | None = None, *, connections: dict[str, Any] | None = None, **more: Any
    ) -> AsyncIterator[PluginClient]:
        from power_bi.plugin import create_plugin

        if server is not None:
            connections = {"contoso": {**server.connection, **more}}
        plugin = create_plugin()
        plugin.openapi = document
        settings = None if connections is None else {"connections": connections}
        async with harness(plugin, settings=settings) as client:
            yield client

    return opened


@pytest.fixture
async def client(well: CloudServer, open_plugin: Open) -> AsyncIterator[PluginClient]:
    async with open_plugin(well) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def site(well: CloudServer) -> AsyncIterator[Any]:
    """The page on a port of its own."""
    from power_bi.plugin import create_plugin

    from tests.shipped.browser import open_site

    async with open_site(create_plugin(), {"contoso": well.connection}) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Any]:
    """One for the tests of a file."""
    from tests.shipped.browser import open_browser

    async with open_browser() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Any) -> AsyncIterator[Any]:
    """A tab of a real browser; whatever the page complains of fails the test."""
    from tests.shipped.browser import open_page

    async with open_page(browser) as opened:
        yield opened


async def eventually(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """What the awaitable condition gives once it gives something true."""
    until = time.monotonic() + seconds
    while not (found := await condition()):
        assert time.monotonic() < until, "it did not come true in time"
        await asyncio.sleep(0.05)
    return found
