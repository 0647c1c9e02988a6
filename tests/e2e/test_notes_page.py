"""The notes plugin's page, as two people use it at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Frame, Page, Route, expect

from tests.e2e.browser import Visitor, visitor
from tests.running import RunningGateway

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

PHONE = {"width": 375, "height": 740}
NOTES = "/plugins/notes/api/notes"


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _no_notes_left(running: RunningGateway) -> AsyncIterator[None]:
    yield
    while notes := (await running.client.get(NOTES)).raise_for_status().json()["notes"]:
        for note in notes:
            await running.client.delete(f"{NOTES}/{note['id']}")


async def saved(frame: Frame) -> None:
    await expect(frame.locator(".state")).to_have_text("Saved")


@asynccontextmanager
async def held(page: Page, address: str) -> AsyncIterator[asyncio.Event]:
    """Answers to calls that fit the pattern come when this ends, as they were when they were asked for.

    Yields an event that is set once the first is there.
    """
    answered, release = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        answer = await route.fetch()
        answered.set()
        await release.wait()
        await route.fulfill(response=answer)

    pattern = re.compile(address)
    await page.route(pattern, hold)
    yield answered
    release.set()
    await page.unroute_all(behavior="wait")


async def write(running: RunningGateway, titles: Iterable[str]) -> list[str]:
    """Notes of these titles, one after the other; the addresses of their resources."""
    made = []
    for title in titles:
        answer = (await running.client.post(NOTES, json={"title": title})).raise_for_status()
        made.append(f"{NOTES}/{answer.json()['id']}")
    return made


async def test_what_is_heard_while_the_list_is_asked_for_is_kept(
    visit: Visitor, running: RunningGateway
) -> None:
    gone, _ = await write(running, ["gone", "before"])
    async with held(visit.page, r"/api/notes\?") as answered:
        frame = await visit.frame("notes")
        await answered.wait()
        await running.client.delete(gone)
        await write(running, ["meanwhile"])
        await expect(frame.get_by_role("button", name="meanwhile")).to_be_visible()
    await expect(frame.get_by_role("button", name="before")).to_be_visible()
    await expect(frame.locator(".row strong")).to_have_text(["meanwhile", "before"])
    await expect(frame.get_by_text("2 notes")).to_be_visible()


async def test_what_is_heard_while_more_is_asked_for_is_kept(visit: Visitor, running: RunningGateway) -> None:
    gone, *_ = await write(running, ["gone", "first", *(f"n{number}" for number in range(50))])
    frame = await visit.frame("notes")
    await expect(frame.locator(".row")).to_have_count(50)
    async with held(visit.page, r"/api/notes\?.*cursor=\d") as answered:
        await frame.get_by_role("button", name="Show more").click()
        await answered.wait()
        await running.client.delete(gone)
        await write(running, ["meanwhile"])
        await expect(frame.locator(".row strong").first).to_have_text("meanwhile")
    await expect(frame.locator(".row strong").last).to_have_text("first")
    await expect(frame.locator(".row")).to_have_count(52)


async def test_what_is_heard_while_a_note_is_asked_for_is_kept(
    visit: Visitor, running: RunningGateway
) -> None:
    note, second = await write(running, ["early", "second"])
    frame = await visit.frame("notes")
    async with held(visit.page, r"/api/notes/\d+$") as answered:
        await frame.get_by_role("button", name="early").click()
        await answered.wait()
        (await running.client.patch(note, json={"title": "later"})).raise_for_status()
        await expect(frame.get_by_role("button", name="later")).to_be_visible()
    await expect(frame.get_by_label("Title")).to_have_value("later")
    # Nor is it shown again by an answer that comes when another was chosen already.
    again = await visit.frame("notes")
    async with held(visit.page, f"{note}$") as answered:
        await again.get_by_role("button", name="later").click()
        await answered.wait()
        await again.get_by_role("button", name="second").click()
        await expect(again.get_by_label("Title")).to_have_value("second")
    (await running.client.patch(second, json={"title": "the second"})).raise_for_status()
    await expect(again.get_by_label("Title")).to_have_value("the second")


async def test_a_note_is_written_seen_by_others_and_kept(
    visit: Visitor, browser: Browser, running: RunningGateway
) -> None:
    mine = await visit.frame("notes")
    async with visitor(browser, running) as other:
        theirs = await other.frame("notes")
        await mine.get_by_role("button", name="Write the first note").click()
        await mine.get_by_label("Title").fill("Shopping <b>list</b>")
        await mine.get_by_role("textbox", name="Text").fill("Milk and eggs")
        await saved(mine)
        # The other page hears of it by server-sent events, through two proxies and a frame.
        await theirs.get_by_role("button", name="Shopping <b>list</b>").click()
        await expect(theirs.get_by_role("textbox", name="Text")).to_have_value("Milk and eggs")
        await theirs.get_by_role("textbox", name="Text").fill("Milk, eggs and bread")
        await expect(mine.get_by_role("textbox", name="Text")).to_have_value("Milk, eggs and bread")
        assert other.errors == []
    note = (await running.client.get(NOTES)).json()["notes"][0]
    assert note["text"] == "Milk, eggs and bread"
    # The address leads back to the note.
    again = await visit.frame("notes", f"#/{note['id']}")
    await expect(again.get_by_label("Title")).to_have_value("Shopping <b>list</b>")


async def test_a_conflict_asks_and_loses_nothing(visit: Visitor, running: RunningGateway) -> None:
    note = (await running.client.post(NOTES, json={"title": "both", "text": "begin"})).json()
    frame = await visit.frame("notes", f"#/{note['id']}")
    await expect(frame.get_by_role("textbox", name="Text")).to_have_value("begin")
    await frame.get_by_role("textbox", name="Text").press_sequentially("mine")
    await running.client.patch(f"{NOTES}/{note['id']}", json={"text": "theirs"})
    await expect(frame.get_by_text("Someone else changed this note")).to_be_visible()
    await frame.get_by_role("button", name="Keep mine").click()
    await saved(frame)
    text = (await running.client.get(f"{NOTES}/{note['id']}")).json()["text"]
    assert "mine" in text


async def test_files_are_attached_downloaded_and_removed(
    visit: Visitor, running: RunningGateway, tmp_path: Path
) -> None:
    note = (await running.client.post(NOTES, json={"title": "files"})).json()
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(range(256)) * 20_000)
    frame = await visit.frame("notes", f"#/{note['id']}")
    await frame.locator("input[type=file]").set_input_files(large)
    async with visit.page.expect_download() as downloading:
        await frame.get_by_role("button", name="large.bin", exact=True).click()
        await visit.page.get_by_role("button", name="Save").click()
    download = await downloading.value
    assert download.suggested_filename == "large.bin"
    assert Path(await download.path()).read_bytes() == large.read_bytes()
    await frame.get_by_role("button", name="Remove large.bin").click()
    await visit.page.get_by_role("button", name="Remove").click()
    await expect(frame.get_by_role("button", name="large.bin", exact=True)).to_have_count(0)


async def test_search_keys_and_deleting(visit: Visitor, running: RunningGateway) -> None:
    for title in ("Apple pie", "Pear cake", "Apple cake"):
        await running.client.post(NOTES, json={"title": title})
    frame = await visit.frame("notes")
    await expect(frame.locator(".row")).to_have_count(3)
    await frame.locator(".row").first.focus()
    await frame.locator(".row").first.press("/")
    await expect(frame.get_by_label("Search notes")).to_be_focused()
    await frame.get_by_label("Search notes").fill("app")
    await expect(frame.locator(".row")).to_have_count(2)
    await frame.get_by_label("Search notes").fill("nowhere")
    await expect(frame.get_by_text("No note has")).to_be_visible()
    await frame.get_by_label("Search notes").fill("")
    await frame.get_by_role("button", name="Pear cake").click()
    await frame.get_by_role("button", name="Pin").click()
    await expect(frame.locator(".row").first).to_contain_text("Pear cake")
    await frame.get_by_role("button", name="Delete").click()
    await visit.page.get_by_role("button", name="Delete").click()
    await expect(frame.locator(".row")).to_have_count(2)
    await expect(frame.get_by_text("Choose a note")).to_be_visible()


async def test_on_a_phone_in_the_dark(browser: Browser, running: RunningGateway) -> None:
    await running.client.post(NOTES, json={"title": "Small", "text": "word " * 200})
    async with visitor(browser, running, viewport=PHONE, color_scheme="dark") as phone:
        frame = await phone.frame("notes")
        await frame.get_by_role("button", name="Small").click()
        await expect(frame.get_by_label("Title")).to_be_visible()
        await expect(frame.get_by_label("Search notes")).to_be_hidden()
        assert await frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await frame.get_by_role("button", name="Back").click()
        await expect(frame.get_by_label("Search notes")).to_be_visible()
        assert phone.errors == []


async def test_the_page_outlives_a_restart_of_the_plugin(visit: Visitor, running: RunningGateway) -> None:
    frame = await visit.frame("notes")
    await expect(frame.get_by_text("No notes yet")).to_be_visible()
    (await running.client.post("/api/v1/plugins/notes/restart")).raise_for_status()
    await running.healthy("notes")
    await running.client.post(NOTES, json={"title": "after the restart"})
    await expect(frame.get_by_role("button", name="after the restart")).to_be_visible()
