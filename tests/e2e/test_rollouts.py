"""Moving a plugin that people have open: no page ever meets another version's API; the page for it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Frame, Locator, Page, expect

from tests.e2e.browser import Visitor, visitor
from tests.e2e.pictures import add_newer_notes
from tests.e2e.twins import add_twin
from tests.running import RunningGateway, gateway, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

PHONE = {"width": 375, "height": 740}
QUICK = {"minHealthy": 0.5, "bake": 0.5, "drain": 3}


@asynccontextmanager
async def twins(browser: Browser, home: Path, **context: Any) -> AsyncIterator[Visitor]:
    """Somebody at a gateway with `twin` 1.0.0 installed; 2.0.0 adds a path, 3.0.0 has lost one."""
    for version, paths in {"1.0.0": ("/old",), "2.0.0": ("/old", "/new"), "3.0.0": ()}.items():
        add_twin(home / "releases", version, *paths)
    async with gateway(home / "home", settings={"PLUGWAY_PLUGIN_PATH": str(home / "releases")}) as running:
        answer = await running.client.post("/api/v1/plugins", json={"id": "twin", "version": "1.0.0"})
        assert answer.status_code == 201, answer.text
        await running.healthy("twin")
        async with visitor(browser, running, **context) as visit:
            yield visit
            assert visit.errors == []


async def begin(running: RunningGateway, version: str, plugin: str = "twin", **options: Any) -> str:
    body = {"version": version, **QUICK, **options}
    answer = await running.client.post(f"/api/v1/plugins/{plugin}/rollouts", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def in_phase(running: RunningGateway, id_: str, phase: str) -> None:
    async def probe() -> bool:
        answer = await running.client.get(f"/api/v1/rollouts/{id_}")
        return bool(answer.raise_for_status().json()["phase"] == phase)

    await until(probe, f"{id_} to be {phase}")


async def answers(frame: Frame) -> set[str]:
    """The versions that answered this page."""
    return set(await frame.evaluate("window.answers"))


async def more_answers(frame: Frame) -> None:
    before = await frame.evaluate("window.answers.length")
    await frame.wait_for_function("before => window.answers.length > before + 3", arg=before)


async def test_a_page_keeps_its_version_until_that_has_drained(browser: Browser, tmp_path: Path) -> None:
    async with twins(browser, tmp_path) as visit:
        running, page = visit.gateway, visit.page
        old = await visit.frame("twin")
        await expect(old.get_by_text("Page 1.0.0")).to_be_visible()
        # What was typed is not submitted: the page is not taken away by itself.
        await old.get_by_label("Note").fill("half a thought")

        id_ = await begin(running, "2.0.0", bake=4, steps=[{"weight": 100, "seconds": None}])
        await in_phase(running, id_, "paused")
        assert (await running.client.get("/plugins/twin/api/version")).json() == "2.0.0"
        await more_answers(old)
        await running.client.post(f"/api/v1/rollouts/{id_}/promote")
        await in_phase(running, id_, "baking")
        await more_answers(old)
        assert await answers(old) == {"1.0.0"}
        await expect(page.locator(".strip")).to_be_hidden()

        await in_phase(running, id_, "succeeded")
        notice = page.get_by_role("status").filter(has_text="A new version is in use: 2.0.0.")
        await expect(notice).to_be_visible()
        # Calls that it makes now are left open rather than failed, or answered by the other version.
        await asyncio.sleep(1)
        assert await answers(old) == {"1.0.0"}

        await notice.get_by_role("button", name="Reload").click()
        await expect(notice).to_be_hidden()
        new = page.frame_locator("iframe")
        await expect(new.get_by_text("Page 2.0.0")).to_be_visible()
        await expect(new.get_by_label("Note")).to_have_value("half a thought")
        fresh = await visit.current_frame()
        await more_answers(fresh)
        assert await answers(fresh) == {"2.0.0"}


async def test_a_page_that_is_idle_loads_the_new_version_by_itself(browser: Browser, tmp_path: Path) -> None:
    async with twins(browser, tmp_path) as visit:
        running, page = visit.gateway, visit.page
        old = await visit.frame("twin", "#/deep/link")
        await more_answers(old)
        await old.evaluate("host.busy(true)")
        id_ = await begin(running, "2.0.0")
        await in_phase(running, id_, "succeeded")
        await expect(page.get_by_text("A new version is in use")).to_be_visible()
        await asyncio.sleep(1)
        await expect(page.frame_locator("iframe").get_by_text("Page 1.0.0")).to_be_visible()
        await old.evaluate("host.busy(false)")
        await expect(page.frame_locator("iframe").get_by_text("Page 2.0.0")).to_be_visible()
        await expect(page.locator(".strip")).to_be_hidden()
        assert page.url.endswith("#/deep/link")
        fresh = await visit.current_frame()
        await more_answers(fresh)
        assert await answers(fresh) == {"2.0.0"}


async def test_a_refused_call_tells_as_much_as_an_event(browser: Browser, tmp_path: Path) -> None:
    async with twins(browser, tmp_path) as visit:
        running, page = visit.gateway, visit.page
        old = await visit.frame("twin")
        await old.evaluate("host.busy(true)")
        # The console hears of nothing any more; the page's own calls go through.
        for path in ("**/api/v1/rollouts", "**/api/v1/plugins"):
            await page.route(path, lambda route: route.abort())
        id_ = await begin(running, "2.0.0")
        await in_phase(running, id_, "succeeded")
        await expect(page.get_by_text("A new version is in use.")).to_be_visible()
        assert await answers(old) == {"1.0.0"}
        await old.evaluate("host.busy(false)")
        await expect(page.frame_locator("iframe").get_by_text("Page 2.0.0")).to_be_visible()


async def test_what_was_being_written_survives_the_change(browser: Browser, tmp_path: Path) -> None:
    add_newer_notes(tmp_path / "releases")
    settings = {"PLUGWAY_PLUGIN_PATH": str(tmp_path / "releases")}
    async with gateway(tmp_path / "home", settings=settings) as running:
        await running.client.post("/api/v1/plugins", json={"id": "notes", "version": "1.0.0"})
        await running.healthy("notes")
        note = (await running.client.post("/plugins/notes/api/notes", json={"title": "Ideas"})).json()
        async with visitor(browser, running) as visit:
            frame = await visit.frame("notes", f"#/{note['id']}")
            await expect(frame.get_by_label("Title")).to_have_value("Ideas")
            await frame.get_by_role("textbox", name="Text").fill("first")
            await expect(frame.locator(".state")).to_have_text("Saved")
            id_ = await begin(running, "1.1.0", plugin="notes", bake=2, yes=True)
            await in_phase(running, id_, "baking")
            # Typed on until the old version has gone, and with it whoever would have saved.
            reload = visit.page.get_by_role("button", name="Reload")
            while not await reload.is_visible():
                await frame.get_by_role("textbox", name="Text").press_sequentially(".")
            await frame.get_by_role("textbox", name="Text").press_sequentially(" the last word")
            text = await frame.get_by_role("textbox", name="Text").input_value()
            await expect(frame.locator(".state")).to_have_text("Saving…")
            await reload.click()
            inside = visit.page.frame_locator("iframe")
            await expect(inside.get_by_role("textbox", name="Text")).to_have_value(text)
            await expect(inside.locator(".state")).to_have_text("Saved")
            kept = await running.client.get(f"/plugins/notes/api/notes/{note['id']}")
            assert kept.json()["text"] == text


async def test_a_page_of_an_aborted_version_goes_back(browser: Browser, tmp_path: Path) -> None:
    async with twins(browser, tmp_path) as visit:
        running, page = visit.gateway, visit.page
        id_ = await begin(running, "2.0.0", steps=[{"weight": 100, "seconds": None}])
        await in_phase(running, id_, "paused")
        candidate = await visit.frame("twin")
        await more_answers(candidate)
        assert await answers(candidate) == {"2.0.0"}
        await running.client.post(f"/api/v1/rollouts/{id_}/abort", json={"force": False})
        await expect(page.frame_locator("iframe").get_by_text("Page 1.0.0")).to_be_visible()
        fresh = await visit.current_frame()
        await more_answers(fresh)
        assert await answers(fresh) == {"1.0.0"}


async def choose(page: Page, version: str, strategy: str = "Direct") -> None:
    """Fill the form as somebody in a hurry would."""
    await page.get_by_label("Version", exact=True).select_option(version)
    await page.get_by_label("Strategy").select_option(strategy)
    await page.get_by_text("Advanced").click()
    for label, seconds in {"Minimum healthy (s)": "0.5", "Bake (s)": "0.5", "Drain (s)": "1"}.items():
        await page.get_by_label(label).fill(seconds)


def live(page: Page) -> Locator:
    return page.get_by_role("region", name="Rollout under way")


def past(page: Page) -> Locator:
    return page.locator("details.past")


async def test_a_rollout_is_started_watched_promoted_and_taken_back(browser: Browser, tmp_path: Path) -> None:
    async with twins(browser, tmp_path) as visit:
        page = visit.page
        await visit.go("/plugins/twin/rollouts")
        await choose(page, "2.0.0", "Canary")
        steps = page.get_by_role("group", name="Steps")
        await steps.get_by_role("button", name="Remove this step").last.click()
        await steps.get_by_label("until promoted by hand").check()
        await page.get_by_role("button", name="Start the rollout").press("Enter")

        await expect(live(page).locator("header")).to_contain_text("1.0.0 → 2.0.0")
        await expect(live(page).get_by_text("waits for a promote by hand").first).to_be_visible()
        new = live(page).get_by_role("region", name="New: 2.0.0")
        await expect(new).to_contain_text("10 %")
        for path in ("/", "/plugins/twin"):
            await visit.go(path)
            await page.get_by_role("link", name=re.compile("rollout", re.IGNORECASE)).first.focus()
            await expect(page.get_by_text("Paused").first).to_be_visible()
        await page.get_by_role("link", name="Show the rollout").click()

        await live(page).get_by_role("button", name="Promote 2.0.0").click()
        await page.get_by_role("dialog").get_by_role("button", name="Promote").click()
        await expect(past(page)).to_have_count(1)
        await expect(past(page)).to_contain_text("Succeeded")
        await expect(live(page)).to_be_hidden()
        await expect(page.locator(".plugin-head .tag")).to_have_text("2.0.0")
        await past(page).locator("summary").click()
        for words in ("Starting", "Verifying", "Paused", "Switching", "Baking", "Draining"):
            await expect(past(page).locator(".timeline")).to_contain_text(words)

        await page.get_by_role("button", name="Roll back").click()
        await page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
        await expect(past(page)).to_have_count(2)
        await expect(past(page).first).to_contain_text("2.0.0 → 1.0.0")
        await expect(page.locator(".plugin-head .tag")).to_have_text("1.0.0")


async def test_what_differs_holds_it_until_somebody_agrees(browser: Browser, tmp_path: Path) -> None:
    async with twins(browser, tmp_path, viewport=PHONE, color_scheme="dark") as visit:
        page = visit.page
        await visit.go("/plugins/twin/rollouts")
        await choose(page, "3.0.0")
        await page.get_by_role("button", name="Start the rollout").click()
        await expect(live(page).get_by_text("Held: it needs someone's consent")).to_be_visible()
        await expect(live(page).locator(".findings")).to_contain_text("GET /old was removed")
        assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        await live(page).get_by_role("button", name="Agree and go on").click()
        await expect(page.get_by_role("dialog")).to_contain_text("GET /old was removed")
        await page.get_by_role("dialog").get_by_role("button", name="Agree and go on").click()
        await expect(past(page)).to_contain_text("Succeeded")
        assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


async def test_going_back_where_it_harms_data_needs_two_words(browser: Browser, tmp_path: Path) -> None:
    async with twins(browser, tmp_path) as visit:
        page = visit.page
        add_twin(tmp_path / "releases", "4.0.0", "/old", one_way=True)
        id_ = await begin(visit.gateway, "4.0.0", steps=[{"weight": 50, "seconds": None}])
        await in_phase(visit.gateway, id_, "paused")
        await visit.go("/plugins/twin/rollouts")
        await live(page).get_by_role("button", name="Abort").click()
        await page.get_by_role("dialog").get_by_role("button", name="Abort the rollout").click()
        await expect(live(page).get_by_role("alert")).to_contain_text("Going back is held")
        await live(page).get_by_role("button", name="Go back to 1.0.0").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("cannot read")
        await dialog.get_by_role("button", name="Go back all the same").click()
        # Without the tick the browser asks for it, and nothing happens.
        await expect(dialog).to_be_visible()
        await dialog.get_by_role("checkbox").check()
        await dialog.get_by_role("button", name="Go back all the same").click()
        await expect(past(page)).to_contain_text("Rolled back")


async def test_refusals_are_told_in_the_words_of_the_api(browser: Browser, tmp_path: Path) -> None:
    async with twins(browser, tmp_path) as visit:
        page = visit.page
        await visit.go("/plugins/twin/rollouts")
        await choose(page, "other")
        await page.get_by_label("Version to move to").fill("9.9.9")
        await page.get_by_role("button", name="Start the rollout").click()
        told = page.get_by_role("alert").filter(has_text="Not started")
        await expect(told).to_contain_text("There is no version 9.9.9 of twin here.")
        await expect(told).to_contain_text("There are: 1.0.0, 2.0.0, 3.0.0.")
        await page.get_by_label("Drain (s)").fill("-1")
        await page.get_by_role("button", name="Start the rollout").click()
        await expect(page.get_by_label("Drain (s)")).to_have_attribute("aria-invalid", "true")
        await expect(page.get_by_text("greater than or equal to 0")).to_be_visible()

        await page.get_by_role("button", name="Pin", exact=True).click()
        await expect(page.get_by_text("It refuses to be moved until it is unpinned.")).to_be_visible()
        answer = await visit.gateway.client.post("/api/v1/plugins/twin/rollouts", json={"version": "2.0.0"})
        assert answer.status_code == 409
        await page.get_by_role("button", name="Unpin").press("Enter")
        await expect(page.get_by_role("button", name="Start the rollout")).to_be_visible()
