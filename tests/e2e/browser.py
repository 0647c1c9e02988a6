"""A real Chromium, signed in to a real gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Frame, Page, async_playwright, expect

from tests.running import RunningGateway

PLUGINS = Path(__file__).parent / "plugins"
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# Milliseconds: what takes well under a second on an idle machine may take long on a busy one.
PATIENCE = 20_000
expect.set_options(timeout=PATIENCE)


@asynccontextmanager
async def chromium(program: Path, *more: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=[*_ARGUMENTS, *more])
        yield browser
        await browser.close()


@dataclass
class Visitor:
    """One browser profile on one gateway, and what it met that it should not have."""

    gateway: RunningGateway
    context: BrowserContext
    page: Page
    base: str
    answered: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def foreign_requests(self) -> list[str]:
        return [url for url in self.answered if not url.startswith((self.base, "data:", "blob:"))]

    async def go(self, path: str) -> None:
        await self.page.goto(self.base + path)

    async def frame(self, plugin: str = "probe", path: str = "") -> Frame:
        """Open the plugin's page; returns its frame once the UI is mounted."""
        await self.go(f"/plugins/{plugin}/open{path}")
        # The cover is up before the frame is there, and goes when the UI is mounted.
        await expect(self.page.locator("iframe")).to_be_attached()
        await expect(self.page.locator(".stage .cover")).to_be_hidden()
        return await self.current_frame()

    async def current_frame(self) -> Frame:
        element = await self.page.locator("iframe").element_handle()
        assert element is not None
        frame = await element.content_frame()
        assert frame is not None
        return frame


@asynccontextmanager
async def visitor(
    browser: Browser, gateway: RunningGateway, *, base: str = "", **context: Any
) -> AsyncIterator[Visitor]:
    """A new profile, signed in by a one-time link; ``base`` is the address, if not the gateway's own."""
    link = (await gateway.client.post("/api/v1/login-links")).raise_for_status().json()["url"]
    opened = await browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **context})
    opened.set_default_timeout(PATIENCE)
    page = await opened.new_page()
    found = Visitor(gateway, opened, page, base or gateway.base)
    opened.on("response", lambda response: found.answered.append(response.url))
    page.on("pageerror", lambda error: found.errors.append(str(error)))
    await page.goto(link.replace(gateway.base, found.base))
    await expect(page.get_by_role("heading", name="Plugins", exact=True)).to_be_visible()
    try:
        yield found
    finally:
        await opened.close()
