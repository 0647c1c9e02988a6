"""A plugin's page in a real browser, under the policy that the console sets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import quote

import uvicorn
from playwright.async_api import Browser, Page, Request, Route, async_playwright, expect
from plugway_sdk import Plugin

from tests.parts import need_chromium, need_npm_packages
from tests.running import until
from tests.shipped.preview import configure, preview

# Other tests may keep the machine busy.
expect.set_options(timeout=20_000)
OUTSIDE = """() => [...document.querySelectorAll("button, input, select, a")]
    .filter((one) => one.checkVisibility())
    .filter((one) => one.getBoundingClientRect().right > 360 || one.getBoundingClientRect().left < 0)
    .map((one) => one.outerHTML.slice(0, 200) + JSON.stringify(one.getBoundingClientRect()))"""
_AXE = {"private": True, "dependencies": {"axe-core": "4.11"}}
_SERIOUS = """() => axe.run({resultTypes: ["violations"]}).then(({violations}) => violations
    .filter(({impact}) => ["serious", "critical"].includes(impact))
    .map(({id, nodes}) => `${id}: ${nodes[0].html.slice(0, 200)} ${nodes[0].failureSummary}`))"""

# As they are read aloud, ten "Delete" in one list say nothing.
_SAME_NAMES = """() => [...document.querySelectorAll("table, ul")].flatMap((list) => {
    const shown = [...list.querySelectorAll("button")].filter((one) => one.checkVisibility());
    const names = shown.map((one) => one.ariaLabel || one.textContent.trim() || one.title);
    return names.filter((name, at) => names.indexOf(name) < at).map((name) => `two buttons “${name}”`);
})"""


class Site:
    """The page on a port of its own."""

    def __init__(self, plugin: Plugin[Any], port: int) -> None:
        self.plugin = plugin
        self.address = f"http://127.0.0.1:{port}"

    def at(self, path: str, theme: str = "light") -> str:
        return f"{self.address}/?theme={theme}#{quote(path, safe='')}"

    async def use(self, connections: dict[str, Any]) -> None:
        """Other settings, while it runs."""
        await configure(self.plugin, connections)


@asynccontextmanager
async def open_site(plugin: Plugin[Any], connections: dict[str, Any]) -> AsyncIterator[Site]:
    await configure(plugin, connections)
    server = uvicorn.Server(uvicorn.Config(preview(plugin), port=0, log_level="warning", ws="none"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started, "the page to be served")
    yield Site(plugin, server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    await serving


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    program = str(need_chromium())
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        await browser.close()


@asynccontextmanager
async def open_page(browser: Browser) -> AsyncIterator[Page]:
    """A tab; whatever the page complains of is a failure."""
    complaints: list[str] = []
    async with await browser.new_context(viewport={"width": 1200, "height": 800}) as context:
        opened = await context.new_page()
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        # A refused call is also written to the console; what the policy blocks names itself.
        opened.on("console", lambda said: complaints.append(said.text) if "Policy" in said.text else None)
        yield opened
    assert complaints == []


@asynccontextmanager
async def late(page: Page, part: str) -> AsyncIterator[None]:
    """The first call whose address has this part is answered at the end, and the page has seen to it then."""
    held: list[Request] = []
    asked, released = asyncio.Event(), asyncio.Event()

    async def hold(route: Route, request: Request) -> None:
        if not held:
            held.append(request)
            asked.set()
            await released.wait()
        await route.continue_()

    await page.route(lambda url: part in url, hold)
    async with page.expect_response(lambda answer: answer.request in held) as answered:
        yield
        await asked.wait()
        released.set()
    await (await answered.value).finished()
    await asked_all(page)


async def asked_all(page: Page) -> None:
    """Waits until the page has asked for whatever it was about to ask for."""
    await page.evaluate("new Promise((done) => setTimeout(done, 50)).then(() => fetch('/api/connections'))")


async def told(page: Page, words: str) -> None:
    """Waits until the page has said this to the person."""

    async def said() -> bool:
        return any(words in one["text"] for one in await page.evaluate("said"))

    await until(said, f"the page to say: {words}")


class Place(NamedTuple):
    """Where axe looks: a path, what is pressed there, and what that shows."""

    path: str
    press: str = ""
    shows: str = "dialog"


async def faults(
    browser: Browser,
    site: Site,
    places: Sequence[Place],
    *,
    light: Sequence[Place] | None = None,
    ready: str = ".panel, .empty",
) -> list[str]:
    """What axe finds that is serious, light and wide (at ``light`` alone, if given), dark and on a phone;
    buttons of one name in one list; and on the phone whatever is cut off. ``ready`` is there once it is."""
    modules = await asyncio.to_thread(need_npm_packages, "axe", _AXE)
    axe = await asyncio.to_thread((modules / "axe-core" / "axe.min.js").read_text)
    found: list[str] = []
    for theme, width, visited in (("light", 1200, light or places), ("dark", 360, places)):
        # The page's own policy would let nothing of axe in.
        viewport: Any = {"width": width, "height": 800}
        async with await browser.new_context(bypass_csp=True, viewport=viewport) as context:
            page = await context.new_page()
            for place in visited:
                await _open(page, site.at(place.path, theme), place, ready)
                problems = await _cut_off(page) if width == 360 else []
                await page.evaluate(axe)
                problems += await page.evaluate(_SERIOUS)
                problems += await page.evaluate(_SAME_NAMES)
                found += [f"{theme} {place.path} {place.press}: {problem}" for problem in problems]
    return found


async def _open(page: Page, address: str, place: Place, ready: str) -> None:
    await page.goto("about:blank")
    await page.goto(address)
    await expect(page.locator(ready).first).to_be_visible()
    if place.press:
        await page.get_by_role("button", name=place.press).first.click()
        await expect(page.locator(place.shows).first).to_be_visible()
    await expect(page.locator(".loading")).to_have_count(0)


async def _cut_off(page: Page) -> list[str]:
    """Nothing that can be pressed may lie outside, where it would be cut off; tabs alone scroll."""
    outside = [one for one in await page.evaluate(OUTSIDE) if 'class="tab"' not in one]
    wide = await page.evaluate("document.documentElement.scrollWidth")
    return [f"outside: {one}" for one in outside] + ([f"{wide} wide"] if wide > 360 else [])
