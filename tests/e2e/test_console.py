"""The console as people use it: signing in, watching, setting, reading, installing."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.e2e.browser import PLUGINS, Visitor, visitor
from tests.running import RunningGateway, gateway, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

PHONE = {"width": 375, "height": 740}
PAGES = (
    "/",
    "/catalog",
    *(f"/plugins/probe{tab}" for tab in ("", "/figures", "/trust", "/rollouts", "/settings", "/logs")),
)


def row(page: Page, plugin: str) -> Locator:
    return page.locator(f".row[data-plugin={plugin}]")


async def test_signing_in_with_the_token_and_out_again(browser: Browser, running: RunningGateway) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(running.base + "/plugins/notes")
    await page.get_by_label("Token").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert").filter(has_text="not known")).to_be_visible()
    await page.get_by_label("Token").fill((running.home / "admin.token").read_text().strip())
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Notes")).to_be_visible()
    assert await page.evaluate("document.cookie") == ""
    await page.get_by_role("button", name="Account").click()
    await page.get_by_role("menuitem", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert (await context.request.get(running.base + "/api/v1/plugins")).status == 401
    await context.close()


async def test_what_is_asked_for_during_a_load_is_loaded_after_it(visit: Visitor) -> None:
    """Also where that load fails: an event that came meanwhile would be seen with the next one only."""
    await visit.go("/")
    await expect(row(visit.page, "probe").locator(".state")).to_have_text("Healthy")
    asked, release = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        if release.is_set():
            await route.continue_()
        else:
            asked.set()
            await release.wait()
            await route.fulfill(status=503, json={})

    await visit.page.route(re.compile("/api/v1/plugins$"), hold)
    ask = """async (name) => {
      const { refresh } = await import("/static/live.js");
      window[name] = refresh().then(() => "loaded", () => "failed");
    }"""
    await visit.page.evaluate(ask, "first")
    await asked.wait()
    await visit.page.evaluate(ask, "second")
    release.set()
    assert await visit.page.evaluate("window.second") == "loaded"


async def test_an_answer_that_a_later_one_has_overtaken_is_not_shown(visit: Visitor) -> None:
    asked, release, first = asyncio.Event(), asyncio.Event(), [True]

    async def hold(route: Route) -> None:
        if first.pop() if first else False:
            asked.set()
            await release.wait()
            await route.fulfill(status=503, json={})
        else:
            await route.continue_()

    await visit.page.route(re.compile("/api/v1/plugins/notes/rollouts$"), hold)
    await visit.page.goto(f"{visit.base}/plugins/notes/rollouts")
    await asked.wait()
    past = visit.page.locator("section", has_text="Past rollouts")
    await visit.page.evaluate(
        """async () => {
          const { store } = await import("/static/store.js");
          store.patch("notes", { releaseId: "another" });
        }"""
    )
    await expect(past.get_by_text("None yet.")).to_be_visible()
    release.set()
    await visit.page.unroute_all(behavior="wait")
    await visit.page.evaluate("fetch('/api/v1/session').then((answer) => answer.text())")
    await expect(past.get_by_text("None yet.")).to_be_visible()


async def test_a_log_that_was_away_is_followed_once(visit: Visitor) -> None:
    """Where the page was hidden and shown again while its log was about to be asked for once more."""
    await visit.page.clock.install()
    asked: list[str] = []

    async def end_the_first(route: Route) -> None:
        asked.append(re.sub(".*tail=", "", route.request.url).partition("&")[0])
        if len(asked) == 1:
            await route.fulfill(body="")
        else:
            await route.continue_()

    await visit.page.route(re.compile("/api/v1/plugins/notes/logs"), end_the_first)
    await visit.page.goto(f"{visit.base}/plugins/notes/logs")
    await until(lambda: asked == ["500"], "the log to be asked for")
    await visit.page.evaluate(
        """() => {
          for (const hidden of [true, false]) {
            Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
            document.dispatchEvent(new Event("visibilitychange"));
          }
        }"""
    )
    await until(lambda: asked == ["500", "500"], "the log to be asked for again")
    await visit.page.clock.run_for(3000)
    await visit.page.evaluate("fetch('/api/v1/session').then((answer) => answer.text())")
    assert asked == ["500", "500"]


async def test_a_plugin_that_dies_and_comes_back_is_seen_without_reloading(visit: Visitor) -> None:
    await visit.go("/")
    mine, other = row(visit.page, "probe"), row(visit.page, "notes")
    await expect(mine.locator(".state")).to_have_text("Healthy")
    before = (await visit.gateway.plugin("probe"))["restarts"]
    await visit.page.evaluate(
        """() => {
          const state = document.querySelector(".row[data-plugin=probe] .health");
          window.states = [];
          new MutationObserver(() => window.states.push(state.textContent)).observe(state,
            { childList: true, subtree: true });
        }"""
    )
    assert (await visit.gateway.client.post("/plugins/probe/api/die")).status_code >= 500
    await expect(mine.locator(".restarts")).to_contain_text(str(before + 1))
    await expect(mine.locator(".state")).to_have_text("Healthy")
    assert any(not text.startswith("Healthy") for text in await visit.page.evaluate("window.states"))
    await expect(other.locator(".state")).to_have_text("Healthy")


async def test_an_open_page_stays_while_its_plugin_restarts(visit: Visitor) -> None:
    frame = await visit.frame()
    await frame.evaluate("() => { window.mark = 'same page'; }")
    await visit.gateway.client.post("/api/v1/plugins/probe/restart")
    await expect(visit.page.locator(".strip")).to_be_visible()
    await expect(visit.page.locator(".strip")).to_be_hidden()
    assert await frame.evaluate("() => window.mark") == "same page"
    assert await frame.evaluate("() => host.fetch('/echo').then((r) => r.status)") == 200


async def test_a_recording_is_seen_as_long_as_it_runs(visit: Visitor) -> None:
    await visit.go("/plugins/probe")
    line = visit.page.locator(".facts div").filter(has_text="Recorded")
    await expect(visit.page.locator(".facts")).to_contain_text("Restarts")
    await expect(line).to_have_count(0)
    for body, words in (({}, "the calls of admin are"), ({"everybody": True}, "the calls of everybody are")):
        path = "/api/v1/plugins/probe/recording"
        async with visit.gateway.client.stream("POST", path, json=body) as recording:
            assert recording.status_code == 200
            await expect(line).to_contain_text(words)
        await expect(line).to_have_count(0)


async def test_settings_are_a_form_made_from_the_schema(visit: Visitor) -> None:
    await visit.go("/plugins/probe/settings")
    page = visit.page
    save = page.get_by_role("button", name="Save")
    await expect(save).to_be_disabled()
    await page.get_by_label("Retries").fill("12")
    await save.click()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    await expect(page.locator("[data-field='/retries'] .error")).to_be_visible()
    await expect(page.get_by_label("Retries")).to_be_focused()
    await page.get_by_label("Retries").fill("7")
    await page.get_by_label("Address").fill("refused:1")
    await save.click()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    await expect(page.locator("[data-field='/address'] .error")).to_have_text(
        "Nothing answers at this address."
    )
    await expect(page.get_by_text("the old settings stay in force")).to_be_visible()
    await page.get_by_label("Address").fill("db:5432")
    await page.get_by_label("Mode").select_option("careful")
    await page.get_by_label("Password").fill("s3cret")
    await page.get_by_label("Read only").check()
    names = page.locator("[data-field='/tls/names']")
    await names.get_by_role("button", name="Add").click()
    await names.get_by_role("textbox").fill("db.example")
    await save.click()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    await expect(page.locator(".toast").filter(has_text="saved")).to_be_visible()
    await expect(page.get_by_text("Set, and not shown")).to_be_visible()
    assert "s3cret" not in await page.content()

    got = (await visit.gateway.client.get("/plugins/probe/api/echo")).json()
    expected = {"address": "db:5432", "mode": "careful", "retries": 7, "read_only": True}
    assert got["settings"] == {**expected, "tls": {"enabled": False, "names": ["db.example"]}}
    assert got["secret"] == "s3cret"

    # Saved again without touching it, the secret stays; replaced, it changes.
    await page.get_by_label("Retries").fill("2")
    await save.click()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    await expect(save).to_be_disabled()
    assert (await visit.gateway.client.get("/plugins/probe/api/echo")).json()["secret"] == "s3cret"
    await page.get_by_role("button", name="Replace").click()
    await page.get_by_label("Password").fill("other")
    await save.click()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    await expect(page.get_by_text("Set, and not shown")).to_be_visible()
    assert (await visit.gateway.client.get("/plugins/probe/api/echo")).json()["secret"] == "other"

    # Removed, it can still be kept until the form is saved.
    secret = page.locator("[data-field='/password']")
    await secret.get_by_role("button", name="Remove").click()
    await page.get_by_role("button", name="Keep the old one").click()
    await expect(save).to_be_disabled()
    await secret.get_by_role("button", name="Remove").click()
    await save.click()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    await expect(page.get_by_label("Password")).to_be_editable()
    assert (await visit.gateway.client.get("/plugins/probe/api/echo")).json()["secret"] is None


async def test_entries_with_names_keep_their_secrets(visit: Visitor) -> None:
    await visit.go("/plugins/probe/settings")
    page = visit.page
    save = page.get_by_role("button", name="Save")
    name = page.get_by_label("Name of a further entry")
    for key in ("prod", "test"):
        await name.fill(key)
        await name.press("Enter")
        entry = page.locator(f"[data-field='/neighbours/{key}/url']")
        await entry.get_by_role("textbox").fill(f"https://{key}.example")
        await page.locator(f"[data-field='/neighbours/{key}/token'] input").fill(f"{key}-token")
    await name.fill("Not a name")
    await page.get_by_role("button", name="Add", exact=True).last.click()
    await expect(page.get_by_text("A name must match")).to_be_visible()
    await name.fill("")
    await save.click()
    await expect(page.locator(".toast").filter(has_text="saved")).to_be_visible()
    echo = "/plugins/probe/api/echo"
    assert (await visit.gateway.client.get(echo)).json()["neighbours"] == {
        "prod": ["https://prod.example", "prod-token"],
        "test": ["https://test.example", "test-token"],
    }
    # The first goes; the second keeps its own.
    await page.get_by_role("button", name="Remove prod").click()
    await save.click()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    await expect(save).to_be_disabled()
    assert (await visit.gateway.client.get(echo)).json()["neighbours"] == {
        "test": ["https://test.example", "test-token"]
    }


async def test_settings_in_an_earlier_form_fill_in_the_new_one(visit: Visitor) -> None:
    """Secrets too; nothing is lost until they are saved, and what has no place is told before."""
    client, page = visit.gateway.client, visit.page
    values = {
        "url": "http://x",
        "retries": 7,
        "mode": "slow",
        "host": "db.example",
        "password": "p1",
        "key": "k1",
    }
    await _updated_with(visit.gateway, values)
    given = {"url": "http://x", "retries": 7, "mode": "careful", "servers": ["db.example"], "password": "p1"}
    told = (await client.get("/plugins/forms/api/")).json()
    assert told == {**given, "login_key": "k1"}, "the plugin's own migration"

    await visit.go("/plugins/forms/settings")
    notice = page.get_by_role("status").filter(has_text="From an earlier release")
    await expect(notice).to_contain_text("secrets among it stay")
    await expect(page.get_by_label("Url")).to_have_value("http://x")
    await expect(page.get_by_label("Retries")).to_have_value("7")
    await expect(page.locator("[data-field='/password']")).to_contain_text("Set, and not shown")
    left = page.get_by_role("region", name="Without a place in this form")
    await expect(left.locator("dt")).to_have_text(["mode", "host", "key"])
    await expect(left.locator("dd")).to_have_text(
        ["slow", "db.example", "A secret, not shown: enter it where it belongs now."]
    )
    assert not {"p1", "k1"} & set((await page.content()).split('"'))
    await page.get_by_role("button", name="Check").click()
    await expect(page.locator(".toast").filter(has_text="would be accepted")).to_be_visible()
    assert (await client.get("/plugins/forms/api/")).json() == told

    servers = page.locator("[data-field='/servers']")
    await servers.get_by_role("button", name="Add").click()
    await servers.get_by_role("textbox").fill("db.example")
    await page.get_by_label("Mode").select_option("careful")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".toast").filter(has_text="saved")).to_be_visible()
    await expect(left).to_have_count(0)
    await expect(page.locator("[data-field='/password']")).to_contain_text("Set, and not shown")
    assert (await client.get("/plugins/forms/api/")).json() == given
    await client.delete("/api/v1/plugins/forms")


async def _updated_with(running: RunningGateway, values: dict[str, Any]) -> None:
    """The plugin ``forms`` at its second release, with settings that were saved for its first."""
    at = "/api/v1/plugins/forms"
    (
        await running.client.post("/api/v1/plugins", json={"id": "forms", "version": "1.0.0"})
    ).raise_for_status()
    await running.healthy("forms")
    (await running.client.put(f"{at}/settings", json={"values": values})).raise_for_status()
    wanted = {
        "version": "2.0.0",
        "strategy": "direct",
        "minHealthy": 0.1,
        "bake": 0.1,
        "drain": 1,
        "yes": True,
    }
    (await running.client.post(f"{at}/rollouts", json=wanted)).raise_for_status()

    async def over() -> bool:
        view = await running.plugin("forms")
        return bool(view["version"] == "2.0.0" and view["state"] == "healthy")

    await until(over, "the second release to serve", 60)


async def test_unsaved_settings_are_not_lost_by_a_click(visit: Visitor) -> None:
    await visit.go("/plugins/probe/settings")
    await visit.page.get_by_label("Retries").fill("5")
    await visit.page.get_by_role("link", name="Logs").click()
    dialog = visit.page.get_by_role("dialog", name="Leave without saving?")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(visit.page.get_by_label("Retries")).to_have_value("5")
    await visit.page.get_by_role("link", name="Logs").click()
    await dialog.get_by_role("button", name="Leave").click()
    await expect(visit.page.get_by_role("log")).to_be_visible()


async def test_logs_follow_pause_and_filter(visit: Visitor) -> None:
    await visit.go("/plugins/probe/logs")
    page = visit.page
    lines = page.locator(".log-line")
    await expect(lines.first).to_be_visible()
    await page.get_by_role("button", name="Pause").click()
    await expect(page.locator(".count")).to_contain_text("Paused")
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_role("searchbox", name="Find in the log").fill("no line says this")
    await expect(lines.filter(visible=True)).to_have_count(0)
    await expect(page.locator(".count")).to_contain_text("0 of")
    await page.get_by_role("searchbox", name="Find in the log").fill("")
    before = await lines.count()
    await visit.gateway.client.post("/api/v1/plugins/probe/restart")
    await expect(lines.nth(before)).to_be_visible()


async def test_installing_disabling_enabling_and_uninstalling(visit: Visitor) -> None:
    page = visit.page
    await visit.go("/catalog")
    card = page.locator(".card[data-plugin=broken]")
    await card.get_by_role("button", name="Install").click()
    await page.get_by_role("dialog", name="Install Broken").get_by_role("button", name="Install").click()

    # It cannot start: that ends in a quarantine which explains itself and can be tried again.
    trouble = page.get_by_role("alert").filter(has_text="Quarantined")
    await expect(trouble).to_be_visible()
    await expect(trouble).to_contain_text("exit")
    await trouble.get_by_role("button", name="Try again").click()
    await expect(page.locator(".toast").filter(has_text="started again")).to_be_visible()
    await expect(trouble).to_be_visible()

    await page.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Disable").click()
    await page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    await expect(page.locator(".plugin-head .state")).to_have_text("Disabled")
    await page.get_by_role("main").get_by_role("button", name="Enable").click()
    await expect(page.locator(".plugin-head .state")).not_to_have_text("Disabled")

    await page.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Uninstall").click()
    await page.get_by_role("dialog").get_by_label("Delete its data").check()
    await page.get_by_role("dialog").get_by_role("button", name="Uninstall").click()
    await expect(page.get_by_role("heading", name="Plugins", exact=True)).to_be_visible()
    await expect(row(page, "broken")).to_have_count(0)


async def test_a_definition_that_does_not_hold_is_refused_by_field(visit: Visitor) -> None:
    await visit.go("/catalog")
    await visit.page.get_by_role("button", name="From a definition").click()
    dialog = visit.page.get_by_role("dialog")
    await dialog.get_by_label("Plugin definition").fill('{"id": "x1", "verified": true}')
    await dialog.get_by_role("button", name="Install").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("/verified")
    await visit.page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)


async def test_a_gateway_that_goes_and_comes_back(browser: Browser, tmp_path: Path) -> None:
    settings = {"PLUGWAY_INSTALL": "probe", "PLUGWAY_PLUGIN_PATH": str(PLUGINS)}
    async with gateway(tmp_path / "home", settings=settings) as first:
        port = int(first.base.rsplit(":", 1)[1])
        await first.healthy("probe")
        async with visitor(browser, first) as visit:
            banner = visit.page.get_by_role("alert").filter(has_text="does not answer")
            await expect(banner).to_be_hidden()
            await first.stop(signal.SIGKILL)
            await expect(banner).to_be_visible()
            async with gateway(tmp_path / "home", settings=settings, port=port):
                await expect(banner).to_be_hidden()
                await expect(row(visit.page, "probe").locator(".state")).to_have_text("Healthy")
                # The session outlives the gateway, too.
                await expect(visit.page.get_by_role("heading", name="Plugins", exact=True)).to_be_visible()


async def test_everything_can_be_done_with_the_keyboard(visit: Visitor) -> None:
    page = visit.page
    await visit.go("/")
    await expect(row(page, "notes")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    more = row(page, "notes").get_by_role("button", name="More")
    await more.focus()
    await page.keyboard.press("Enter")
    items = page.get_by_role("menuitem")
    await expect(items.first).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(items.nth(1)).to_be_focused()
    await page.keyboard.press("End")
    await expect(items.last).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(more).to_be_focused()
    await expect(items).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_is_wider_than_a_phone(browser: Browser, running: RunningGateway, scheme: str) -> None:
    async with visitor(browser, running, viewport=PHONE, color_scheme=scheme) as visit:
        theme = await visit.page.evaluate("document.documentElement.dataset.theme")
        assert theme == scheme
        for path in PAGES:
            await visit.go(path)
            await expect(visit.page.locator("main [aria-busy]")).to_have_count(0)
            wide = await visit.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, path


async def test_every_control_has_a_name(visit: Visitor) -> None:
    for path in PAGES:
        await visit.go(path)
        await expect(visit.page.locator("main [aria-busy]")).to_have_count(0)
        nameless = await visit.page.evaluate(
            """() => [...document.querySelectorAll("button, a[href], input, select, textarea")]
              .filter((node) => node.checkVisibility())
              .filter((node) => !(node.textContent.trim() || node.ariaLabel || node.labels?.length))
              .map((node) => node.outerHTML)"""
        )
        assert nameless == [], path
        assert await visit.page.locator("h1").count() == 1, path
