"""A server that follows Grafana's API for each test file, and the plugin over its real contract."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from plugway_sdk.testing import PluginClient

from tests.shipped.fixtures import Create, Open, document, open_plugin, page
from tests.shipped.servers import Server

HERE = Path(__file__).resolve().parent
__all__ = ["document", "open_plugin", "page"]  # fixtures
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


class FakeGrafana(Server):
    """Keeps what it knew in a file."""

    place = HERE

    def __init__(self, directory: Path, prefix: str = "") -> None:
        super().__init__(directory)
        self.prefix = prefix

    @property
    def url(self) -> str:
        return f"{super().url}{self.prefix}"

    @property
    def connection(self) -> dict[str, Any]:
        """By user and password, which sees all."""
        return {"url": self.url, "user": ADMIN[0], "password": ADMIN[1]}

    @property
    def by_token(self) -> dict[str, Any]:
        return {"url": self.url, "token": TOKEN}

    def connections(self, **more: Any) -> dict[str, Any]:
        login = self.by_token if "token" in more else self.connection
        return {"local": {**login, **more}}

    def command(self) -> list[str]:
        state = str(self.directory / "state.json")
        return [sys.executable, "-m", "fake_grafana.server", str(self.port), state, self.prefix]

    def ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/api/health", timeout=2, trust_env=False).is_success
        return False

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


def arranged(server: FakeGrafana) -> None:
    """Data sources, a folder, and one dashboard with every kind of panel."""
    for source in SOURCES:
        server.do("POST", "/api/datasources", source)
    server.do("POST", "/api/folders", {"uid": "ops", "title": "Operations"})
    server.board(folder="ops")


Start = Callable[..., FakeGrafana]


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
def create_plugin() -> Create:
    from grafana_management.plugin import create_plugin

    return create_plugin


@pytest.fixture
async def client(shared: FakeGrafana, open_plugin: Open) -> AsyncIterator[PluginClient]:
    async with open_plugin(shared) as opened:
        yield opened


@pytest.fixture
async def site(shared: FakeGrafana, create_plugin: Create) -> AsyncIterator[Any]:
    """The page on a port of its own, about the file's server."""
    from tests.shipped.browser import open_site

    async with open_site(create_plugin(), shared.connections()) as opened:
        yield opened
