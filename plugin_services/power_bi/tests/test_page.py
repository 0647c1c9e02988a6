"""The page in a real browser, under the policy that the console sets."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from plugin_services.power_bi.tests import content
from tests.shipped.browser import Place, Site, faults, told

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
IN_SALES = f"workspace={content.SALES}"
ORDERS = f"/datasets?{IN_SALES}&dataset={content.ORDERS}"
BUDGET = f"/datasets?{IN_SALES}&dataset={content.BUDGET}"
PAGES = (
    Place("/workspaces"),
    Place("/reports"),
    Place(f"/reports?{IN_SALES}"),
    Place(f"/dashboards?{IN_SALES}"),
    Place(f"/dashboards?{IN_SALES}&dashboard={content.BOARD}"),
    Place(f"/datasets?{IN_SALES}"),
    Place(ORDERS),
    Place(ORDERS, "Refresh…"),
    Place(ORDERS, "Change"),
    Place(BUDGET, "Take over…"),
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
    read_only = {**well.connection, "readOnly": True}
    await site.use({"contoso": {**read_only, "clientSecret": "wrong"}})
    await page.goto("about:blank")
    await page.goto(site.at(ORDERS))
    await expect(alert).to_contain_text("The client secret is wrong.")
    await site.use({"contoso": read_only})
    await button(page, "Try again").click()
    await expect(page.get_by_role("heading", name="Orders")).to_be_visible()
    await expect(page.get_by_text("Read only")).to_be_visible()
    for name in ("Refresh…", "Take over…", "Change"):
        await expect(button(page, name)).to_have_count(0)
    await site.use({"contoso": well.connection, "fabrikam": read_only})
    await page.goto("about:blank")
    await page.goto(site.at("/workspaces"))
    await expect(page.get_by_text("Read only")).to_have_count(0)
    await page.get_by_label("Connection").select_option("fabrikam")
    await expect(page.get_by_text("Read only")).to_be_visible()
    await site.use({})
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


async def test_axe_finds_no_serious_fault_and_nothing_is_outside_a_phone(
    site: Site, browser: Browser
) -> None:
    assert await faults(browser, site, PAGES, light=PAGES[::2]) == []
