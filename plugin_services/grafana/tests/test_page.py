"""The page in a real browser, under the policy that the console sets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from playwright.async_api import Page, expect

from plugin_services.grafana.tests.conftest import BOARD, rule
from tests.shipped.browser import Site, late, told
from tests.shipped.servers import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
PAGES = (
    "/dashboards",
    "/dashboards?folder=ops",
    "/dashboards?uid=board",
    "/dashboards?uid=board&part=versions",
    "/alerts",
    "/alerts?uid=loud",
    "/alerts?part=silences",
    "/sources",
    "/people",
    "/people?part=users",
    "/people?part=teams",
    "/snapshots",
    "/organisations",
)

PRESS_ONCE_CLOSED = """(key) => {
    const dialog = document.querySelector("dialog");
    const pressed = new KeyboardEvent("keydown", {key, bubbles: true});
    const press = () => document.activeElement.dispatchEvent(pressed);
    new MutationObserver(() => dialog.open || press()).observe(dialog, {attributeFilter: ["open"]});
}"""


async def do(grafana: Any, *what: Any) -> Any:
    return await asyncio.to_thread(grafana.do, *what)


async def crowd(grafana: Any) -> None:
    """Something on every page, with names that do not fit."""
    long = "a-rather-long-name-" + "x" * 120
    rules = (rule("Loud", uid="loud", labels={"test": "firing"}), rule(long, labels={long: long}))
    for one in rules:
        await do(grafana, "POST", "/api/v1/provisioning/alert-rules", one)
    await do(grafana, "POST", "/api/folders", {"title": long, "uid": "long"})
    await do(grafana, "POST", "/api/orgs", {"name": long})
    user = {"login": long, "name": long, "email": f"{long}@x", "password": "secret"}
    await do(grafana, "POST", "/api/admin/users", user)
    await do(grafana, "POST", "/api/teams", {"name": long, "email": ""})
    snapshot = {"name": long, "dashboard": {"title": long, "panels": []}}
    for _ in range(2):
        await do(grafana, "POST", "/api/snapshots", snapshot)
    silence = {"startsAt": "2026-01-01T00:00:00+00:00", "endsAt": "2099-01-01T00:00:00+00:00"}
    matcher = {"name": long, "value": long, "isRegex": False, "isEqual": True}
    for name in (long, "job"):
        about = {"matchers": [{**matcher, "name": name}], "comment": long, "createdBy": "x"}
        await do(grafana, "POST", "/api/alertmanager/grafana/api/v2/silences", {**silence, **about})
    await asyncio.to_thread(grafana.board, uid="other", title=long, tags=[long])


async def test_a_dashboard_is_drawn_with_its_data(shared: Any, site: Site, page: Page) -> None:
    await page.goto(site.at("/dashboards"))
    await page.get_by_role("button", name="Operations").first.click()
    await page.get_by_role("button", name="Production").click()
    plot = page.get_by_role("img", name="Requests: 2 series")
    await expect(plot.locator(".line")).to_have_count(2)
    lines = plot.locator(".line").first
    # It is a line through the picture, and not a point of it.
    assert (await lines.bounding_box() or {"width": 0})["width"] > 300
    await expect(page.locator(".figures strong")).to_contain_text("%")
    await expect(page.get_by_role("region", name="Table")).to_contain_text("host-1")
    await expect(page.locator(".words")).to_have_text("# What this is\n<b>not bold</b>")
    await expect(page.get_by_text("Query A: connect: connection refused")).to_be_visible()
    await expect(page.get_by_text("Grafana draws this as “heatmap”")).to_be_visible()
    # The pointer tells the values of its time.
    last = await page.locator(".legend .number").first.inner_text()
    await plot.hover(position={"x": 120, "y": 60})
    await expect(page.locator(".legend .number").first).not_to_have_text(last)
    # Another variable, another range: other data, and an address that can be passed on.
    await page.get_by_label("Job").select_option("web")
    await expect(page.locator(".legend .name").first).to_have_text("rate(web[$__rate_interval])")
    await page.get_by_label("Time range").select_option("now-24h")
    assert "begin=now-24h" in await page.evaluate("decodeURIComponent(location.hash)")
    # A refresh by itself.
    await asyncio.to_thread(shared.trouble)
    await page.clock.install()
    await page.get_by_label("Refresh").select_option("10")
    await page.clock.run_for(11_000)

    async def asked_again() -> bool:
        return "POST /api/ds/query" in await asyncio.to_thread(shared.seen)

    await eventually(asked_again)
    await expect(plot.locator(".line")).to_have_count(2)


async def test_import_export_versions_and_deletion(shared: Any, site: Site, page: Page) -> None:
    await page.goto(site.at("/dashboards"))
    await expect(page.get_by_role("button", name="Production")).to_be_visible()
    await page.keyboard.press("n")
    inputs = [{"name": "DS", "label": "Metrics", "type": "datasource", "pluginId": "prometheus"}]
    panel = {**BOARD["panels"][0], "datasource": "${DS}"}
    file = {"title": "Brought", "uid": "brought", "panels": [panel], "__inputs": inputs}
    upload = {"name": "b.json", "mimeType": "application/json", "buffer": json.dumps(file).encode()}
    await page.get_by_label("File").set_input_files([upload])  # type: ignore[list-item] # a file in memory
    await page.get_by_label("Metrics").select_option("prom")
    await page.get_by_role("button", name="Import", exact=True).last.click()
    await told(page, "Imported the dashboard.")
    await asyncio.to_thread(shared.board, uid="brought", title="Changed")
    await page.keyboard.press("r")
    await page.get_by_role("button", name="Changed").click()
    await page.get_by_role("button", name="Export").click()
    await told(page, "Changed.json: {")
    await page.get_by_role("button", name="Versions").click()
    await page.get_by_title("What changed since version 1").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Brought → Changed")
    await page.get_by_role("button", name="Close").click()
    await page.get_by_title("Restore version 1").click()
    await told(page, "Restored version 1.")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("heading", name="Brought")).to_be_visible()
    await page.get_by_role("button", name="Snapshot…").click()
    await page.get_by_role("button", name="Make the snapshot").click()
    await expect(page.get_by_role("cell", name="Brought", exact=True)).to_be_visible()
    await page.get_by_title("Delete Brought").click()
    await page.get_by_label("to confirm").fill("Brought")
    await page.keyboard.press("Enter")
    await told(page, "Deleted Brought.")
    await expect(page.get_by_title("Delete Brought")).to_have_count(0)
    # Nothing goes before its name is typed.
    await page.goto("about:blank")
    await page.goto(site.at("/dashboards?uid=brought"))
    await expect(page.get_by_role("heading", name="Brought")).to_be_visible()
    await page.keyboard.press("Delete")
    await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Type Brought to confirm")
    await page.get_by_label("to confirm").fill("Brought")
    await page.get_by_role("button", name="Delete", exact=True).click()
    await told(page, "Deleted Brought.")
    await expect(page.get_by_role("button", name="Production")).to_be_visible()


async def test_folders_alerts_sources_and_people(shared: Any, site: Site, page: Page) -> None:
    await crowd(shared)
    await page.goto(site.at("/dashboards?folder=ops"))
    await page.get_by_role("button", name="New folder").click()
    await page.get_by_label("Name", exact=True).fill("Inside")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Inside").click()
    await expect(page.get_by_role("heading", name="Operations / Inside")).to_be_visible()
    await page.get_by_role("button", name="Delete…").click()
    await page.get_by_label("to confirm").fill("Inside")
    await page.keyboard.press("Enter")
    await told(page, "Deleted Inside.")

    await page.locator("body").press("2")
    await page.get_by_role("button", name="Loud").click()
    await expect(page.locator(".badge.bad")).to_have_text("firing")
    await page.get_by_role("button", name="Silence…").click()
    await expect(page.get_by_label("Labels")).to_have_value("alertname=Loud\ntest=firing")
    await page.get_by_label("Why").fill("moving house")
    await page.keyboard.press("Control+Enter")
    await told(page, "Silenced.")
    await page.get_by_role("button", name="Pause…").click()
    await expect(page.get_by_text("paused")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Silences").click()
    await page.get_by_title("End the silence “moving house”").click()
    await expect(page.get_by_text("moving house")).to_have_count(0)

    await page.keyboard.press("3")
    await page.get_by_role("button", name="Check all").click()
    await expect(page.locator(".badge.bad")).to_have_text(["does not answer", "does not answer"])
    await expect(page.locator(".badge.good")).to_have_text("answers")

    await page.keyboard.press("4")
    await page.get_by_role("button", name="On the server").click()
    await page.get_by_role("button", name="New user").click()
    await page.get_by_label("Login", exact=True).fill("eve")
    await page.get_by_label("Password", exact=True).fill("a-Secret-1")
    await page.keyboard.press("Enter")
    await page.get_by_title("Lock eve out").click()
    await expect(page.get_by_title("Let eve in")).to_be_visible()
    await page.get_by_role("button", name="In this organisation").click()
    await page.get_by_label("Role of eve").select_option("Editor")
    await told(page, "Changed the role.")
    await page.get_by_role("button", name="Teams").click()
    await page.get_by_role("button", name="New team").click()
    await page.get_by_label("Name", exact=True).fill("Web")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Web", exact=True).click()
    await page.get_by_role("button", name="Add user").click()
    await page.get_by_role("dialog").get_by_role("combobox").select_option(label="eve ")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_role("cell", name="eve").first).to_be_visible()


async def test_connections_organisations_and_reading_only(
    shared: Any, start_grafana: Any, site: Site, page: Page
) -> None:
    other = await asyncio.to_thread(start_grafana)
    await do(other, "POST", "/api/folders", {"title": "There"})
    number = (await do(shared, "POST", "/api/orgs", {"name": "Second"}))["orgId"]
    await asyncio.to_thread(shared.do, "POST", "/api/folders", {"title": "Second's"}, number)
    both = {"a": shared.connection, "b": {**other.connection, "readOnly": True}}
    await site.use(both)
    await page.goto(site.at("/organisations"))
    await page.get_by_role("button", name="Second", exact=True).click()
    await expect(page.get_by_role("button", name="Second's")).to_be_visible()
    assert f"organisation={number}" in await page.evaluate("decodeURIComponent(location.hash)")
    await page.get_by_label("Connection").select_option("b")
    await expect(page.get_by_role("button", name="There")).to_be_visible()
    await expect(page.get_by_text("Read only")).to_be_visible()
    await page.get_by_role("button", name="Test").click()
    await told(page, f"127.0.0.1:{other.port} answers. Version 10.4.0, organisation Main Org.")
    for path in PAGES[:3] + PAGES[6:]:
        await page.goto("about:blank")
        await page.goto(site.at(f"{path}{'&' if '?' in path else '?'}connection=b"))
        await expect(page.get_by_text("Read only")).to_be_visible()
        await expect(page.locator(".loading")).to_have_count(0)
        for name in ("Delete", "New", "Import", "Rename", "Add", "Password", "Snapshot…"):
            await expect(page.get_by_role("button", name=name)).to_have_count(0)


async def test_grafana_that_goes_away_is_told_and_comes_back(grafana: Any, site: Site, page: Page) -> None:
    await site.use({"local": grafana.connection})
    await page.goto(site.at("/dashboards?uid=board"))
    await expect(page.locator(".plot .line").first).to_be_visible()
    await asyncio.to_thread(grafana.kill)
    await page.keyboard.press("r")
    await expect(page.get_by_role("alert").first).to_contain_text("nothing listens there")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("alert")).to_contain_text("nothing listens there")
    await asyncio.to_thread(grafana.start)
    await expect(page.get_by_role("button", name="Production")).to_be_visible()


async def test_a_late_answer_changes_nothing_beside_its_place(shared: Any, site: Site, page: Page) -> None:
    async with late(page, "/api/data-sources?"):
        await page.goto(site.at("/sources"))
        await page.get_by_label("Part of the name, kind or address").fill("gone")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Check, gone")).to_be_visible()
    await page.get_by_role("button", name="Check all").click()
    await expect(page.locator(".badge.bad")).to_have_text("does not answer")
    # A dashboard that one has left asks for nothing more.
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto("about:blank")
    async with late(page, "/dashboards/board/view"):
        await page.goto(site.at("/dashboards?uid=board"))
        await page.get_by_role("button", name="Snapshots").click()
        await expect(page.get_by_role("heading", name="No snapshots")).to_be_visible()
    assert [url for url in asked if "/panels/" in url] == []
    # More of a list is asked for once, however often one presses.
    more = """async () => {
        const { moreButton } = await import("/ui/kit/parts.js");
        let calls = 0;
        const pressed = moreButton(async () => (calls += 1, new Promise(() => {})));
        pressed.click(), pressed.click();
        return calls;
    }"""
    assert await page.evaluate(more) == 1


async def test_the_keyboard_alone(shared: Any, site: Site, page: Page) -> None:
    await site.use({"local": shared.connection})
    await page.goto(site.at("/dashboards"))
    await expect(page.get_by_role("button", name="Production")).to_be_visible()
    await page.keyboard.press("/")
    await page.keyboard.type("nothing of the kind")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("No dashboard matches")).to_be_visible()
    await page.keyboard.press("Control+A")
    await page.keyboard.type("prod")
    await page.keyboard.press("Enter")
    link = page.get_by_role("button", name="Production")
    await expect(link).to_be_visible()
    for _ in range(30):
        if await link.evaluate("one => one === document.activeElement"):
            break
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(".plot .line").first).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_label("Part of the dashboard's name")).to_be_visible()
    # What was in focus before is, once the list is there; in a field, keys are letters.
    await expect(link).to_be_visible()
    await expect(page.locator(".loading")).to_have_count(0)
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("Keyboard")
    # The next key comes at once.
    await page.evaluate(PRESS_ONCE_CLOSED, "6")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Main Org.", exact=True)).to_be_visible()
