"""Pages from elsewhere in the frame: a React component as ordinary npm tools build it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.e2e.browser import visitor
from tests.e2e.react_panel import OWN_REACT, build_panel
from tests.fakes.http_api import Upstream
from tests.fakes.serving import serving
from tests.fakes.unsigned import allow_unsigned, install_agreed
from tests.fakes.web import Page, Web
from tests.running import RunningGateway, gateway

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


@pytest.fixture(scope="module", params=list(OWN_REACT))
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    """How it brings its React, and the module that esbuild makes of it."""
    return request.param, build_panel(request.param, tmp_path_factory.mktemp("panel"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningGateway]:
    settings = {"PLUGWAY_FETCH_ALLOW": "127.0.0.1"}
    home = tmp_path_factory.mktemp("home")
    allow_unsigned(home, "panel-*")
    async with gateway(home, settings=settings) as started:
        yield started


async def test_a_react_component_is_mounted_and_calls_its_api(
    browser: Browser, running: RunningGateway, bundle: tuple[str, bytes]
) -> None:
    kind, module = bundle
    plugin = f"panel-{kind}"
    web, upstream = Web({"/panel.js": Page(module)}), Upstream()
    async with serving(web) as base, serving(upstream.app()) as api:
        await _install(running, plugin, f"{base}/panel.js", module, api)
        async with visitor(browser, running) as visit:
            if kind == "none":
                await visit.go(f"/plugins/{plugin}/open")
                said = visit.page.frame_locator("iframe").get_by_role("alert")
                await expect(said).to_contain_text("no component with its own React")
                return
            frame = await visit.frame(plugin)
            await expect(frame.get_by_role("heading")).to_have_text(f"{plugin} light")
            await frame.get_by_text("clicked 0").click()
            await expect(frame.get_by_text("clicked 1")).to_be_visible()
            await frame.get_by_text("ask").click()
            await expect(frame.locator("#said")).to_have_text("/v1/hello")
            # State survives what the host passes anew.
            await visit.page.get_by_role("button", name="Switch to the dark theme").click()
            await expect(frame.get_by_role("heading")).to_have_text(f"{plugin} dark")
            await expect(frame.get_by_text("clicked 1")).to_be_visible()
            await frame.get_by_text("go on").click()
            await expect(visit.page).to_have_url(f"{running.base}/plugins/{plugin}/open#/items/8")
            await visit.page.reload()
            again = visit.page.frame_locator("iframe")
            await expect(again.locator("#path")).to_have_text("/items/8")
            await expect(again.get_by_role("heading")).to_have_text(f"{plugin} dark")
            assert visit.foreign_requests() == []
            assert visit.errors == []


async def _install(running: RunningGateway, plugin: str, url: str, module: bytes, api: str) -> None:
    definition: dict[str, Any] = {
        "id": plugin,
        "version": "1.0.0",
        "source": "cdn",
        "uiType": "react_component",
        "uiConfig": {"componentUrl": url},
        "checksum": f"sha256:{hashlib.sha256(module).hexdigest()}",
        "apiBaseUrl": f"{api}/v1",
    }
    await install_agreed(running, definition)
    await running.healthy(plugin)
