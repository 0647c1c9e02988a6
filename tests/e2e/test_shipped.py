"""The shipped plugins' pages, in the frame they are made for."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.browser import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def test_notes_shows_what_another_page_writes_without_reloading(visit: Visitor) -> None:
    frame = await visit.frame("notes")
    note = {"title": "Written elsewhere", "text": "and seen here"}
    answer = await visit.gateway.client.post("/plugins/notes/api/notes", json=note)
    answer.raise_for_status()
    await expect(frame.get_by_text("Written elsewhere").first).to_be_visible()


@pytest.mark.parametrize("plugin", ["notes", "redis-management"])
async def test_pages_are_drawn_without_complaint(visit: Visitor, plugin: str) -> None:
    """Nothing refused by the policy, no error, nothing wider than a phone."""
    if plugin not in {
        row["id"] for row in (await visit.gateway.client.get("/api/v1/plugins")).json()["plugins"]
    }:
        (await visit.gateway.client.post("/api/v1/plugins", json={"id": plugin})).raise_for_status()
    await visit.gateway.healthy(plugin)
    refused: list[str] = []
    visit.page.on(
        "console", lambda said: refused.append(said.text) if "Security Policy" in said.text else None
    )
    await visit.page.set_viewport_size({"width": 375, "height": 740})
    frame = await visit.frame(plugin)
    await expect(frame.locator("#root button").first).to_be_visible()
    assert await frame.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert refused == []
