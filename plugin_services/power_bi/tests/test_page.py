"""The page in a real browser, under the policy that the console sets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from plugin_services.power_bi.tests import content
from plugin_services.power_bi.tests.browser import OUTSIDE, Site, settings, told
from tests.parts import need_npm_packages

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
IN_SALES = f"workspace={content.SALES}"
ORDERS = f"/datasets?{IN_SALES}&dataset={content.ORDERS}"
BUDGET = f"/datasets?{IN_SALES}&dataset={content.BUDGET}"
AXE = {"private": True, "dependencies": {"axe-core": "4.11"}}
SERIOUS = """() => axe.run({resultTypes: ["violations"]}).then(({violations}) => violations
    .filter(({impact}) => ["serious", "critical"].includes(impact))
    .map(({id, nodes}) => `${id}: ${nodes[0].html.slice(0, 200)} ${nodes[0].failureSummary}`))"""
# Each with what is pressed there before one looks.
PAGES: tuple[tuple[str, str], ...] = (
    ("/workspaces", ""),
    ("/reports", ""),
    (f"/reports?{IN_SALES}", ""),
    (f"/dashboards?{IN_SALES}", ""),
    (f"/dashboards?{IN_SALES}&dashboard={content.BOARD}", ""),
    (f"/datasets?{IN_SALES}", ""),
    (ORDERS, ""),
    (ORDERS, "Refresh…"),
    (ORDERS, "Change"),
    (BUDGET, "Take over…"),
)


def button(page: Page, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


async def names(page: Page) -> list[str]:
    return [text.strip() for text in await page.locator("tbody tr td:first-child").all_inner_texts()]


async def test_find_a_workspace_and_walk_through_it(site: Site, page: Page) -> None:
    await page.goto(site.at("/workspaces"))
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(100)
    await expect(page.locator(".list-foot")).to_contain_text("100 workspaces so far")
    await button(page, "More").click()
    await button(page, "More").click()
    await expect(rows).to_have_count(len(content.WORKSPACES))
    await expect(page.locator(".list-foot")).to_contain_text("244 workspaces")
    await expect(button(page, "More")).to_have_count(0)
    # By keyboard from here on.
    await page.keyboard.press("/")
    await page.keyboard.type("sal")
    await page.keyboard.press("Enter")
    await expect(rows).to_have_count(1)
    await button(page, "Sales").focus()
    await page.keyboard.press("Enter")
    await expect(rows).to_have_count(4)
    await expect(button(page, "Sales")).to_be_visible()
    assert [name.lower() for name in await names(page)] == [
        "customers by region",
        "invoice",
        "pay slips",
        "revenue",
    ]
    await page.get_by_title("Open Revenue in Power BI").click()
    await told(page, f"/reports/{content.REVENUE}")
    await page.keyboard.press("3")
    await expect(button(page, "Board")).to_be_visible()
    await button(page, "Board").click()
    await expect(rows).to_have_count(2)
    await page.get_by_title("Dataset of Total").click()
    await expect(page.get_by_role("heading", name="Orders")).to_be_visible()
    await expect(page.get_by_text("sql.contoso.example")).to_be_visible()
    await expect(page.get_by_text("2026", exact=True)).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(rows).to_have_count(3)
    await page.keyboard.press("Escape")
    await expect(rows).to_have_count(100)
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("in a dataset: refresh its data")


async def test_refresh_follow_and_cancel(site: Site, page: Page, well: Any) -> None:
    await page.goto(site.at(ORDERS))
    await expect(page.get_by_text("never refreshed")).to_be_visible()
    await page.keyboard.press("f")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("How").select_option("Full")
    await dialog.get_by_label("Tables").fill("Orders\nCustomers")
    await page.keyboard.press("Control+Enter")
    await told(page, "Power BI refreshes Orders.")
    running = page.locator("[data-state=running]")
    await expect(running).to_contain_text("ViaEnhancedApi")
    asked = (await well.told())["kept"]["refreshes"][content.ORDERS][0]["asked"]
    assert (asked["type"], asked["commitMode"]) == ("Full", "transactional")
    assert asked["objects"] == [{"table": "Orders"}, {"table": "Customers"}]
    await page.get_by_title("Details of the refresh").click()
    await expect(dialog.locator("tbody tr")).to_have_count(2)
    await button(page, "Close").click()
    # One more is refused where it is asked for.
    await button(page, "Refresh…").click()
    await dialog.get_by_role("button", name="Refresh it").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("is running already")
    await page.keyboard.press("Escape")
    await running.get_by_role("button", name="Cancel…").click()
    await told(page, "thrown away")
    await told(page, "Cancelled the refresh.")
    await expect(page.locator("[data-state=cancelled]")).to_have_count(1)
    # What ends elsewhere is seen without a hand.
    await button(page, "Refresh…").click()
    await dialog.get_by_role("button", name="Refresh it").click()
    await expect(running).to_have_count(1)
    await well.told(finish={content.ORDERS: content.FAILED})
    await expect(page.locator("[data-state=failed]")).to_contain_text(
        "CredentialsNotSpecified", timeout=40_000
    )


async def test_the_schedule_and_taking_over(site: Site, page: Page, well: Any) -> None:
    await page.goto(site.at(BUDGET))
    await page.get_by_title("Change the schedule").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Times").fill("06:15")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("no full or half hour")
    await dialog.get_by_label("Times").fill("06:30")
    await dialog.get_by_label("Sunday").check()
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Only the owner")
    await page.keyboard.press("Escape")
    await button(page, "Take over…").click()
    await expect(dialog).to_contain_text("ann@contoso.com")
    await dialog.get_by_label("to confirm").fill("budget")
    await dialog.get_by_role("button", name="Take it over").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Type Budget to confirm")
    assert not (await well.told())["kept"]["owners"]
    await dialog.get_by_label("to confirm").fill("Budget")
    await dialog.get_by_role("button", name="Take it over").click()
    await told(page, "owns Budget now")
    await page.get_by_title("Change the schedule").click()
    await dialog.get_by_label("Times").fill("06:30, 18:00")
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.locator(".facts").nth(1)).to_contain_text("06:30, 18:00")
    assert (await well.told())["kept"]["schedules"][content.BUDGET]["times"] == ["06:30", "18:00"]


async def test_what_is_wrong_is_told_and_mended_without_a_hand(site: Site, page: Page, well: Any) -> None:
    await well.told(throttle=100, seconds=600)
    await page.goto(site.at("/workspaces"))
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("Power BI asks to slow down.")
    await well.told(throttle=0)
    await expect(page.locator("tbody tr")).to_have_count(100)
    await button(page, "Test").click()
    await told(page, "Power BI answers.")
    await site.links.use(settings(well, readOnly=True, clientSecret="wrong"))
    await page.goto("about:blank")
    await page.goto(site.at(ORDERS))
    await expect(alert).to_contain_text("The client secret is wrong.")
    await site.links.use(settings(well, readOnly=True))
    await button(page, "Try again").click()
    await expect(page.get_by_role("heading", name="Orders")).to_be_visible()
    await expect(page.get_by_text("Read only")).to_be_visible()
    for name in ("Refresh…", "Take over…", "Change"):
        await expect(button(page, name)).to_have_count(0)
    both = settings(well).connections | {"fabrikam": settings(well, readOnly=True).connections["contoso"]}
    await site.links.use(settings(well).model_copy(update={"connections": both}))
    await page.goto("about:blank")
    await page.goto(site.at("/workspaces"))
    await expect(page.get_by_text("Read only")).to_have_count(0)
    await page.get_by_label("Connection").select_option("fabrikam")
    await expect(page.get_by_text("Read only")).to_be_visible()
    await site.links.use(type(settings(well))())
    await page.goto("about:blank")
    await page.goto(site.at("/workspaces"))
    await expect(page.get_by_text("Which Power BI?")).to_be_visible()


async def test_a_report_whose_page_does_not_come_is_told(site: Site, page: Page) -> None:
    await page.route("https://app.powerbi.com/**", lambda route: route.abort())
    await page.clock.install()
    await page.goto(site.at(f"/reports?{IN_SALES}&report={content.REVENUE}"))
    await expect(page.get_by_title("Report Revenue")).to_be_attached()
    await expect(page.get_by_text("Power BI loads the report…")).to_be_visible()
    await page.clock.fast_forward(46_000)
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("The page of the report did not answer.")
    await expect(alert).to_contain_text("Open the report in Power BI")
    # What the service refuses is told before there is a frame.
    await page.goto("about:blank")
    await page.goto(site.at(f"/reports?{IN_SALES}&report={content.guid('report', content.PERSONAL)}"))
    await expect(alert).to_contain_text("row-level security")
    await expect(page.locator("iframe")).to_have_count(0)


async def open_each(page: Page, site: Site, theme: str, pages: Iterable[tuple[str, str]]) -> Any:
    for path, press in pages:
        await page.goto("about:blank")
        await page.goto(site.at(path, theme))
        await expect(page.locator(".panel, .empty").first).to_be_visible()
        if press:
            await page.get_by_role("button", name=press).first.click()
            await expect(page.get_by_role("dialog")).to_be_visible()
        await expect(page.locator(".loading")).to_have_count(0)
        yield f"{theme} {path} {press}"


async def test_axe_finds_no_serious_fault_and_nothing_is_outside_a_phone(
    site: Site, browser: Browser
) -> None:
    modules = await asyncio.to_thread(need_npm_packages, "axe", AXE)
    axe = await asyncio.to_thread((modules / "axe-core" / "axe.min.js").read_text)
    faults: list[str] = []
    for theme, width, pages in (("light", 1200, PAGES[::2]), ("dark", 360, PAGES)):
        # The page's own policy would let nothing of axe in.
        viewport = {"width": width, "height": 800}
        context = await browser.new_context(bypass_csp=True, viewport=viewport)
        opened = await context.new_page()
        async for where in open_each(opened, site, theme, pages):
            await opened.evaluate(axe)
            faults += [f"{where}: {fault}" for fault in await opened.evaluate(SERIOUS)]
            if width == 360:
                faults += [f"{where}: outside: {one}" for one in await opened.evaluate(OUTSIDE)]
        await context.close()
    assert not faults, "\n".join(faults)
