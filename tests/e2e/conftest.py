"""One browser and one gateway for the tests that leave it as they found it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.e2e.browser import PLUGINS, Visitor, chromium, visitor
from tests.parts import need_chromium
from tests.running import RunningGateway, gateway


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium(need_chromium()) as opened:
        yield opened


@pytest.fixture(scope="session")
def gateway_settings() -> dict[str, str]:
    return {
        "PLUGWAY_INSTALL": "probe,notes",
        "PLUGWAY_PLUGIN_PATH": str(PLUGINS),
        "PLUGWAY_QUARANTINE_AFTER": "2",
        "PLUGWAY_BACKOFF_FIRST": "0.2",
    }


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(
    tmp_path_factory: pytest.TempPathFactory, gateway_settings: dict[str, str]
) -> AsyncIterator[RunningGateway]:
    home: Path = tmp_path_factory.mktemp("home")
    async with gateway(home, settings=gateway_settings) as started:
        await started.healthy("probe")
        await started.healthy("notes")
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, running: RunningGateway) -> AsyncIterator[Visitor]:
    """A signed-in profile of its own for each test; ends with the promises that hold for all."""
    async with visitor(browser, running) as found:
        yield found
        assert found.foreign_requests() == []
        assert found.errors == []
