"""Pages from elsewhere in the frame: a React component as ordinary npm tools build it."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.e2e.browser import visitor
from tests.fakes.http_api import Upstream
from tests.fakes.serving import serving
from tests.fakes.unsigned import allow_unsigned, install_agreed
from tests.fakes.web import Page, Web
from tests.parts import need_npm_packages
from tests.running import RunningGateway, gateway

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

_PACKAGE = {"private": True, "dependencies": {"react": "19", "react-dom": "19", "esbuild": "0.28"}}
_PANEL = """
import { useState } from "react";
export default function Panel({ host, theme, path }) {
  const [count, setCount] = useState(0);
  const [said, setSaid] = useState("");
  const ask = async () => setSaid((await (await host.fetch("/hello?x=1")).json()).path);
  return (
    <main>
      <h1>{host.plugin} {theme}</h1>
      <button onClick={() => setCount(count + 1)}>clicked {count}</button>
      <button onClick={ask}>ask</button>
      <button onClick={() => host.navigate("/items/8")}>go on</button>
      <p id="said">{said}</p>
      <p id="path">{path}</p>
    </main>
  );
}
"""
_OWN_REACT = {
    "functions": """
export { createElement } from "react";
export { createRoot } from "react-dom/client";
""",
    "namespaces": """
import * as React from "react";
import * as ReactDOM from "react-dom/client";
export { React, ReactDOM };
""",
    "none": "",
}


@pytest.fixture(scope="module", params=list(_OWN_REACT))
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    """How it brings its React, and the module that esbuild makes of it."""
    modules = need_npm_packages("react", _PACKAGE)
    source = tmp_path_factory.mktemp("panel") / "panel.jsx"
    source.write_text(_OWN_REACT[request.param] + _PANEL)
    command = [
        str(modules / ".bin" / "esbuild"), str(source), "--bundle", "--format=esm", "--minify",
        "--jsx=automatic", '--define:process.env.NODE_ENV="production"',
    ]  # fmt: skip
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "NODE_PATH": str(modules)}
    built = subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
    return request.param, built.stdout


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
            assert visit.page.url.endswith(f"/plugins/{plugin}/open#/items/8")
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
