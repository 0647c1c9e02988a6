"""A server that follows Grafana's API for each test file, and the plugin over its real contract."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from plugway_sdk.testing import PluginClient

from tests.parts import need_grafana
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


class GrafanaServer(Server):
    """What both of them are to a test."""

    @property
    def connection(self) -> dict[str, Any]:
        """By user and password, which sees all."""
        return {"url": self.url, "user": ADMIN[0], "password": ADMIN[1]}

    @property
    def by_token(self) -> dict[str, Any]:
        return {"url": self.url, "token": self.token}

    @property
    def token(self) -> str:
        """A service account's of the first organisation, who may administer that."""
        raise NotImplementedError

    def connections(self, **more: Any) -> dict[str, Any]:
        login = self.by_token if "token" in more else self.connection
        return {"local": {**login, **more}}

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


class FakeGrafana(GrafanaServer):
    """Keeps what it knew in a file."""

    place = HERE
    token = TOKEN

    def __init__(self, directory: Path, prefix: str = "") -> None:
        super().__init__(directory)
        self.prefix = prefix

    @property
    def url(self) -> str:
        return f"{super().url}{self.prefix}"

    def command(self) -> list[str]:
        state = str(self.directory / "state.json")
        return [sys.executable, "-m", "fake_grafana.server", str(self.port), state, self.prefix]

    def trouble(self, **what: Any) -> None:
        """What goes wrong from now on; nothing without arguments."""
        url = f"http://127.0.0.1:{self.port}/-/trouble"
        httpx.put(url, json=what, timeout=20, trust_env=False).raise_for_status()

    def known(self) -> Any:
        """All that it knows."""
        return httpx.get(f"http://127.0.0.1:{self.port}/-/known", timeout=20, trust_env=False).json()

    def learn(self, known: Any) -> None:
        """It knows this and nothing else from now on, and nothing goes wrong."""
        url = f"http://127.0.0.1:{self.port}/-/known"
        httpx.put(url, json=known, timeout=20, trust_env=False).raise_for_status()

    def seen(self) -> list[str]:
        """Calls since the last :meth:`trouble`."""
        url = f"http://127.0.0.1:{self.port}/-/trouble"
        return list(httpx.get(url, timeout=20, trust_env=False).json()["seen"])


class RealGrafana(GrafanaServer):
    """Grafana's own program, on a database of its own."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._built = need_grafana()
        own = {
            "PATHS_DATA": str(directory / "data"),
            "PATHS_LOGS": str(directory / "logs"),
            "PATHS_PLUGINS": str(directory / "plugins"),
            "SECURITY_ADMIN_USER": ADMIN[0],
            "SECURITY_ADMIN_PASSWORD": ADMIN[1],
            "SECURITY_DISABLE_BRUTE_FORCE_LOGIN_PROTECTION": "true",
            "ANALYTICS_REPORTING_ENABLED": "false",
            "ANALYTICS_CHECK_FOR_UPDATES": "false",
            "ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
            "FEATURE_TOGGLES_ENABLE": "nestedFolders",
            "LOG_LEVEL": "warn",
        }
        self.environment = {**os.environ, **{f"GF_{name}": value for name, value in own.items()}}
        self._token = ""

    def start(self) -> None:
        """On a new database it now and then makes the first organisation twice, and ends."""
        new = not (self.directory / "data").exists()
        for more in (new, new, False):
            try:
                return super().start()
            except pytest.fail.Exception as failed:
                if not more or "default organization" not in str(failed):
                    raise
                shutil.rmtree(self.directory)
        return None

    @property
    def token(self) -> str:
        if not self._token:
            account = self.do("POST", "/api/serviceaccounts", {"name": "plugway", "role": "Admin"})["id"]
            path = f"/api/serviceaccounts/{account}/tokens"
            self._token = str(self.do("POST", path, {"name": "plugway"})["key"])
        return self._token

    def command(self) -> list[str]:
        place = ["cfg:server.http_addr=127.0.0.1", f"cfg:server.http_port={self.port}"]
        return [str(self._built / "grafana"), "server", "--homepath", str(self._built), *place]


def rule(title: str, **more: Any) -> dict[str, Any]:
    """One that is always true. Of those with the label ``test=firing`` the double says that they fire."""
    query = {"refId": "A", "type": "math", "expression": "1"}
    asked = {"refId": "A", "datasourceUid": "__expr__", "queryType": "", "model": query}
    asked["relativeTimeRange"] = {"from": 600, "to": 0}
    about = {"folderUID": "ops", "ruleGroup": "web", "orgID": 1, "condition": "A", "for": "5m"}
    about |= {"noDataState": "NoData", "execErrState": "Error", "data": [asked]}
    return {"title": title, "labels": {}, "annotations": {"summary": "s"}, **about, **more}


def arranged(server: GrafanaServer) -> None:
    """Data sources, a folder, and one dashboard with every kind of panel."""
    for source in SOURCES:
        server.do("POST", "/api/datasources", {"access": "proxy", **source})
    server.do("POST", "/api/folders", {"uid": "ops", "title": "Operations"})
    server.board(folder="ops")


Start = Callable[..., FakeGrafana]
BOTH = pytest.mark.parametrize("shared", ["double", "real"], indirect=True)
"""For tests that hold against a real Grafana, and so say that the double is like it."""


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
def shared(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[GrafanaServer]:
    """One server for the tests of a file; see :data:`BOTH`, and :func:`_as_it_was`."""
    made = {"double": FakeGrafana, "real": RealGrafana}[getattr(request, "param", "double")]
    server = made(tmp_path_factory.mktemp("grafana"))
    server.start()
    arranged(server)
    yield server
    server.kill()


@pytest.fixture(autouse=True)
def _as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test does to the file's double, no other test meets; a real Grafana keeps it."""
    server = request.getfixturevalue("shared") if "shared" in request.fixturenames else None
    if not isinstance(server, FakeGrafana):
        yield
        return
    known = server.known()
    yield
    server.learn(known)


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
