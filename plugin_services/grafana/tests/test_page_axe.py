"""Every page, light and wide, dark and on a phone: axe finds no serious fault, and nothing lies outside."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, expect

from plugin_services.grafana.tests.browser import OUTSIDE, Site
from plugin_services.grafana.tests.test_page import PAGES, crowd
from tests.parts import need_npm_packages

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
PACKAGE = {"private": True, "dependencies": {"axe-core": "4.11"}}
SERIOUS = """() => axe.run({resultTypes: ["violations"]}).then(({violations}) => violations
    .filter(({impact}) => ["serious", "critical"].includes(impact))
    .map(({id, nodes}) => `${id}: ${nodes[0].html.slice(0, 200)} ${nodes[0].failureSummary}`))"""
DIALOGS = (
    ("/dashboards", "Import"),
    ("/dashboards?uid=board", "Delete…"),
    ("/alerts?part=silences", "New silence"),
    ("/people?part=users", "New user"),
)


async def test_axe_finds_no_serious_fault_and_a_phone_shows_all(shared: Any, site: Site, page: Page) -> None:
    modules = await asyncio.to_thread(need_npm_packages, "axe", PACKAGE)
    axe = await asyncio.to_thread((modules / "axe-core" / "axe.min.js").read_text)
    await crowd(shared)
    assert page.context.browser is not None
    faults: list[str] = []
    for theme, width in (("light", 1200), ("dark", 360)):
        # The page's own policy would let nothing of axe in.
        context = await page.context.browser.new_context(
            bypass_csp=True, viewport={"width": width, "height": 800}
        )
        opened = await context.new_page()
        for path, press in (*((path, "") for path in PAGES), *DIALOGS):
            await opened.goto("about:blank")
            await opened.goto(site.at(path, theme))
            await expect(opened.locator(".panel, .empty, .card").first).to_be_visible()
            if press:
                await opened.get_by_role("button", name=press).click()
                await expect(opened.get_by_role("dialog")).to_be_visible()
            await expect(opened.locator(".loading")).to_have_count(0)
            if width == 360:
                assert await opened.evaluate("document.documentElement.scrollWidth") <= 360, path
                # Nothing that can be pressed lies outside, where it would be cut off; tabs alone scroll.
                outside = [one for one in await opened.evaluate(OUTSIDE) if 'class="tab"' not in one]
                assert outside == [], path
            await opened.evaluate(axe)
            faults += [f"{theme} {path} {press}: {fault}" for fault in await opened.evaluate(SERIOUS)]
        await context.close()
    assert not faults, "\n".join(faults)
