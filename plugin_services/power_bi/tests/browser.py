"""The page in a real browser, under the policy that the console sets: what its tests share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import uvicorn
from playwright.async_api import Browser, Page, async_playwright, expect
from power_bi.app import create_app
from power_bi.links import Links
from power_bi.settings import Settings

from plugin_services.power_bi.tests.conftest import eventually
from plugin_services.power_bi.tests.preview.server import preview
from tests.parts import need_chromium

# Other tests may keep the machine busy.
expect.set_options(timeout=20_000)
OUTSIDE = """() => [...document.querySelectorAll("button, input, select, a")]
    .filter((one) => one.checkVisibility())
    .filter((one) => one.getBoundingClientRect().right > 360 || one.getBoundingClientRect().left < 0)
    .map((one) => one.outerHTML.slice(0, 200) + JSON.stringify(one.getBoundingClientRect()))"""


class Site:
    """The page on a port of its own."""

    def __init__(self, links: Links, port: int) -> None:
        self.links = links
        self.address = f"http://127.0.0.1:{port}"

    def at(self, path: str, theme: str = "light") -> str:
        return f"{self.address}/?theme={theme}#{quote(path, safe='')}"


def settings(server: Any, **more: Any) -> Settings:
    return Settings.model_validate({"connections": {"contoso": {**server.connection, **more}}})


@asynccontextmanager
async def open_site(cloud: Any) -> AsyncIterator[Site]:
    links = Links()
    await links.use(settings(cloud))
    config = uvicorn.Config(preview(create_app(links)), port=0, log_level="warning", ws="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started)
    yield Site(links, server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    await serving
    await links.close()


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    program = str(need_chromium())
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        await browser.close()


@asynccontextmanager
async def open_page(browser: Browser) -> AsyncIterator[Page]:
    complaints: list[str] = []
    async with await browser.new_context(viewport={"width": 1200, "height": 800}) as context:
        opened = await context.new_page()
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        # A refused call is also written to the console; what the policy blocks names itself.
        opened.on("console", lambda said: complaints.append(said.text) if "Policy" in said.text else None)
        yield opened
    assert not complaints


async def told(page: Page, words: str) -> None:
    """Waits until the page has said this to the person."""

    async def said() -> bool:
        return any(words in one["text"] for one in await page.evaluate("said"))

    await eventually(said)
