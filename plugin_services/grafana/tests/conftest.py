"""A server that follows Grafana's API for each test file, and the plugin over its real contract."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from plugway_sdk.testing import PluginClient, harness

from tests.running import until

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent)]

from fake_grafana.state import ADMIN, TOKEN  # noqa: E402 - lies beside the tests

PANELS: list[dict[str, Any]] = [
    {"id": 1, "type": "timeseries", "title": "Requests", "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8},
     "fieldConfig": {"defaults": {"unit": "reqps"}}, "datasource": {"type": "prometheus", "uid": "prom"},
     "targets": [{"refId": "A", "expr": "rate($job[$__rate_interval])"}, {"refId": "B", "expr": "up"}]},
    {"id": 2, "type": "stat", "title": "Load now", "gridPos": {"x": 12, "y": 0, "w": 6, "h": 4},
     "fieldConfig": {"defaults": {"unit": "percent", "decimals": 1}},
     "targets": [{"refId": "A", "expr": "load"}]},
    {"id": 3, "type": "table", "title": "Hosts", "gridPos": {"x": 12, "y": 4, "w": 12, "h": 8},
     "datasource": "prom-name", "targets": [{"refId": "A", "expr": "hosts", "format": "table"}]},
    {"id": 4, "type": "text", "title": "About", "gridPos": {"x": 18, "y": 0, "w": 6, "h": 4},
     "options": {"mode": "markdown", "content": "# What this is\n<b>not bold</b>"}},
    {"id": 5, "type": "heatmap", "title": "Latency", "gridPos": {"x": 0, "y": 8, "w": 12, "h": 8},
     "targets": [{"refId": "A", "expr": "heat"}]},
    {"id": 6, "type": "timeseries", "title": "Broken", "gridPos": {"x": 0, "y": 16, "w": 24, "h": 6},
     "datasource": {"type": "prometheus", "uid": "away"}, "targets": [{"refId": "A", "expr": "x"}]},
]  # fmt: skip
BOARD: dict[str, Any] = {
    "uid": "board", "title": "Production", "tags": ["prod", "web"], "schemaVersion": 39, "refresh": "30s",
    "time": {"from": "now-1h", "to": "now"}, "panels": PANELS,
    "templating": {"list": [
        {"name": "job", "label": "Job", "type": "query", "current": {"value": "api", "text": "api"},
         "options": [{"value": "api", "text": "api"}, {"value": "web", "text": "web"}]},
    ]},
}  # fmt: skip
SOURCES: tuple[dict[str, Any], ...] = (
    {"uid": "prom", "name": "prom-name", "type": "prometheus", "url": "http://ann:hunter2@prom:9090/x",
     "isDefault": True},
    {"uid": "away", "name": "gone", "type": "prometheus", "url": "http://gone:9090"},
    {"uid": "plain", "name": "plain", "type": "no-backend", "url": "", "readOnly": True},
)  # fmt: skip


class FakeGrafana:
    """The server as a process of the test's own, which may be killed, stopped and started again."""

    def __init__(self, directory: Path, prefix: str = "") -> None:
        self.directory, self.prefix = directory, prefix
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    @property
    def connection(self) -> dict[str, Any]:
        """By user and password, which sees all."""
        return {"url": self.url, "user": ADMIN[0], "password": ADMIN[1]}

    @property
    def by_token(self) -> dict[str, Any]:
        return {"url": self.url, "token": TOKEN}

    def start(self) -> None:
        """On the port it had before, or on a free one, with what it knew before."""
        self.port = self.port or free_port()
        place = self.directory / "state.json"
        command = [sys.executable, "-m", "fake_grafana.server", str(self.port), str(place), self.prefix]
        log = self.directory / "grafana.log"
        with log.open("ab") as out:
            self.process = subprocess.Popen(command, cwd=HERE, stdout=out, stderr=out)
        end = time.monotonic() + 60
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"the server did not start: {log.read_text()[-800:]}")
            time.sleep(0.05)

    def _ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/api/health", timeout=2, trust_env=False).is_success
        return False

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """As the kernel's out-of-memory killer would."""
        assert self.process is not None
        self.send(signal.SIGKILL)
        self.process.wait(10)

    def do(self, method: str, path: str, body: Any = None, org: int = 0) -> Any:
        """A call beside the plugin, to arrange and to look."""
        headers = {"x-grafana-org-id": str(org)} if org else {}
        answer = httpx.request(
            method, f"{self.url}{path}", json=body, auth=ADMIN, headers=headers, timeout=20, trust_env=False
        )
        return answer.raise_for_status().json()

    def board(self, **more: Any) -> str:
        """Saves the dashboard; returns its uid."""
        folder = more.pop("folder", "")
        body = {"dashboard": {**BOARD, "id": None, **more}, "folderUid": folder, "overwrite": True}
        return str(self.do("POST", "/api/dashboards/db", body)["uid"])

    def trouble(self, **what: Any) -> None:
        """What goes wrong from now on; nothing without arguments."""
        url = f"http://127.0.0.1:{self.port}/-/trouble"
        httpx.put(url, json=what, timeout=20, trust_env=False).raise_for_status()

    def seen(self) -> list[str]:
        """Calls since the last :meth:`trouble`."""
        url = f"http://127.0.0.1:{self.port}/-/trouble"
        return list(httpx.get(url, timeout=20, trust_env=False).json()["seen"])


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def arranged(server: FakeGrafana) -> None:
    """Data sources, a folder, and one dashboard with every kind of panel."""
    for source in SOURCES:
        server.do("POST", "/api/datasources", source)
    server.do("POST", "/api/folders", {"uid": "ops", "title": "Operations"})
    server.board(folder="ops")


Start = Callable[..., FakeGrafana]
Open = Callable[..., AbstractAsyncContextManager[PluginClient]]


@pytest.fixture
def start_grafana(tmp_path: Path) -> Iterator[Start]:
    servers: list[FakeGrafana] = []

    def start(prefix: str = "") -> FakeGrafana:
        directory = tmp_path / f"grafana{len(servers)}"
        directory.mkdir()
        servers.append(FakeGrafana(directory, prefix))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGrafana]:
    """One server for the tests of a file that leave it as it was."""
    server = FakeGrafana(tmp_path_factory.mktemp("grafana"))
    server.start()
    arranged(server)
    yield server
    server.kill()


@pytest.fixture
def grafana(start_grafana: Start) -> FakeGrafana:
    server = start_grafana()
    arranged(server)
    return server


@pytest.fixture(scope="session")
def document() -> Any:
    """The plugin's OpenAPI document, made once."""
    from grafana_management.plugin import create_plugin

    app: Any = create_plugin().app
    return json.loads(json.dumps(app.openapi()))


@pytest.fixture
def open_plugin(document: Any) -> Open:
    """The plugin with these connections, over its contract."""

    @asynccontextmanager
    async def opened(
        server: FakeGrafana | None = None, *, connections: dict[str, Any] | None = None, **more: Any
    ) -> AsyncIterator[PluginClient]:
        from grafana_management.plugin import create_plugin

        if server is not None:
            login = server.by_token if "token" in more else server.connection
            connections = {"local": {**login, **more}}
        plugin = create_plugin()
        plugin.openapi = document
        settings = None if connections is None else {"connections": connections}
        async with harness(plugin, settings=settings) as client:
            yield client

    return opened


@pytest.fixture
async def client(shared: FakeGrafana, open_plugin: Open) -> AsyncIterator[PluginClient]:
    async with open_plugin(shared) as opened:
        yield opened


@pytest.fixture
async def site(shared: FakeGrafana) -> AsyncIterator[Any]:
    """The page on a port of its own, about the file's server."""
    from grafana_management.plugin import create_plugin

    from tests.shipped.browser import open_site

    async with open_site(create_plugin(), {"local": shared.connection}) as opened:
        yield opened


@pytest.fixture
async def page() -> AsyncIterator[Any]:
    """A tab of a real browser; whatever the page complains of fails the test."""
    from tests.shipped.browser import open_browser, open_page

    async with open_browser() as browser, open_page(browser) as opened:
        yield opened


async def eventually(condition: Callable[[], Any]) -> Any:
    """What the condition gives once it gives something true."""
    return await until(condition, "it to come true")
