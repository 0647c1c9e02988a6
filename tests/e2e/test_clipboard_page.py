"""The page of the example in Go, as two people use it, and its word on who may remove."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, FilePayload, Frame, Route, expect

from tests.e2e.browser import Visitor, visitor
from tests.go_programs import clipboard
from tests.running import RunningGateway, gateway, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(290)]
API = "/plugins/clipboard/api"


async def what_is_written_stays_until_it_is_saved(
    visit: Visitor, frame: Frame, running: RunningGateway
) -> None:
    """Whatever another page saves meanwhile; and the later text is saved last."""
    asked, release = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await release.wait()
        await route.continue_()

    text, files = frame.get_by_label("Shared text"), frame.get_by_role("list", name="Files")
    await visit.page.route(re.compile(f"{API}/board$"), hold)
    await text.fill("mine")
    await asked.wait()
    (await running.client.put(f"{API}/board", json={"text": "theirs"})).raise_for_status()
    other = (await running.client.post(f"{API}/files?name=other", content=b"1")).raise_for_status()
    await expect(files.get_by_role("button", name="other", exact=True)).to_be_visible()
    await expect(text).to_have_value("mine")
    asked.clear()
    await text.press_sequentially(", and later")
    # The next one waits for the one before.
    release.set()
    await asked.wait()
    await visit.page.unroute_all(behavior="wait")

    async def saved() -> bool:
        board = (await running.client.get(f"{API}/board")).json()
        return bool(board["text"] == "mine, and later")

    await until(saved, "the last text to be saved")
    await expect(text).to_have_value("mine, and later")
    (await running.client.delete(f"{API}/files/{other.json()['id']}")).raise_for_status()


async def test_text_and_files_are_everybodys_at_once(browser: Browser, tmp_path: Path) -> None:
    plugin = await asyncio.to_thread(clipboard, tmp_path / "plugin")
    settings = {"PLUGWAY_PLUGIN_PATH": str(plugin), "PLUGWAY_INSTALL": "clipboard"}
    async with gateway(tmp_path / "home", settings=settings) as running:
        await running.healthy("clipboard")
        async with visitor(browser, running) as one, visitor(browser, running) as two:
            mine, theirs = await one.frame("clipboard"), await two.frame("clipboard")
            await mine.get_by_label("Shared text").fill("Meet at <b>noon</b>")
            await expect(theirs.get_by_label("Shared text")).to_have_value("Meet at <b>noon</b>")
            await what_is_written_stays_until_it_is_saved(one, mine, running)
            picked = FilePayload(name="plan <i>.txt", mimeType="text/plain", buffer=b"x" * 3_000_000)
            await mine.locator("input[type=file]").set_input_files(picked)
            await expect(theirs.get_by_role("button", name="plan <i>.txt", exact=True)).to_be_visible()
            await expect(theirs.get_by_text("2.9 MiB")).to_be_visible()
            [file] = (await running.client.get(f"{API}/board")).json()["files"]
            part = await running.client.get(f"{API}/files/{file['id']}", headers={"range": "bytes=5-9"})
            assert (part.status_code, part.content) == (206, b"xxxxx")
            assert file["size"] == 3_000_000
            # Removed on the word of the gateway's signed token.
            gone = await running.client.delete(f"{API}/files/{file['id']}")
            assert gone.status_code == 204, gone.text
            await expect(theirs.get_by_role("list", name="Files").get_by_role("listitem")).to_have_count(0)
            assert one.errors == two.errors == []
            assert one.foreign_requests() == []
