"""A Power BI of the tests' own for each test file, and the plugin over its real contract."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from plugway_sdk.testing import PluginClient

from plugin_services.power_bi.tests import content
from tests.shipped.fixtures import Create, Open, document, open_plugin
from tests.shipped.servers import Server

__all__ = ["document", "open_plugin"]  # fixtures
sys.path.append(str(Path(__file__).resolve().parents[1]))
CLOUD = Path(__file__).with_name("cloud.py")


class CloudServer(Server):
    """``cloud.py`` as a process of its own."""

    called = "contoso"

    def __init__(self, directory: Path, *tls: str) -> None:
        super().__init__(directory)
        self.tls = tls

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}" if self.tls else super().url

    @property
    def connection(self) -> dict[str, Any]:
        return {
            "tenantId": content.TENANT,
            "clientId": content.CLIENT,
            "clientSecret": content.SECRET,
            "apiUrl": self.url,
            "loginUrl": self.url,
        }

    def command(self) -> list[str]:
        state = str(self.directory / "state.json")
        return [sys.executable, str(CLOUD), str(self.port), state, *self.tls]

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


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudServer]:
    """One for the tests of a file; :func:`well` undoes what a test did."""
    server = CloudServer(tmp_path_factory.mktemp("cloud"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def well(cloud: CloudServer) -> CloudServer:
    """The same, as if nothing had gone wrong or been changed before."""
    cloud.tell(throttle=0, fail=0, forbid=False, life=3599, anew=True)
    return cloud


@pytest.fixture(scope="session")
def create_plugin() -> Create:
    from power_bi.plugin import create_plugin

    return create_plugin


@pytest.fixture
async def client(well: CloudServer, open_plugin: Open) -> AsyncIterator[PluginClient]:
    async with open_plugin(well) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def site(well: CloudServer, create_plugin: Create) -> AsyncIterator[Any]:
    """The page on a port of its own."""
    from tests.shipped.browser import open_site

    async with open_site(create_plugin(), well.connections()) as opened:
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
