"""The pages Live, Console, Configuration and Users in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.shipped.browser import Site, told
from tests.shipped.servers import eventually

pytestmark = [pytest.mark.redis, pytest.mark.browser, pytest.mark.timeout(120)]


async def test_messages_and_commands_are_shown_as_they_happen(redis: Any, site: Site, page: Page) -> None:
    raw = redis.raw
    await page.goto(site.at("/live"))
    await page.get_by_label("Channel pattern").fill("news:*")
    await page.keyboard.press("Enter")

    async def listened() -> bool:
        return bool(raw.pubsub_numpat())

    await eventually(listened, 30)
    raw.publish("news:de", "Grüße <b>")
    await expect(page.locator(".feed tbody tr")).to_contain_text("Grüße <b>")
    await page.get_by_role("button", name="Publish").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Channel").fill("news:en")
    await dialog.get_by_label("Message").fill("from the page")
    await page.keyboard.press("Control+Enter")
    await told(page, "1 listener got it")
    await expect(page.locator(".feed tbody tr").first).to_contain_text("from the page")
    # Leaving the view ends the stream.
    await page.get_by_role("button", name="Commands").click()

    async def left() -> bool:
        return not raw.pubsub_numpat()

    await eventually(left, 30)
    await expect(page.get_by_role("note")).to_contain_text("slows Redis down")
    await page.get_by_label("Only with this word").fill("needle")
    await page.get_by_role("button", name="Watch commands").click()
    await expect(page.get_by_role("button", name="Stop")).to_be_visible()

    async def watched() -> bool:
        return any("O" in one["flags"] for one in raw.client_list())

    await eventually(watched, 30)
    raw.get("needle:1")
    await expect(page.locator(".feed tbody tr")).to_contain_text("GET needle:1")
    redis.kill()
    await expect(page.get_by_text("closed the connection")).to_be_visible()


async def test_the_console_asks_for_the_name_of_what_can_do_harm(redis: Any, site: Site, page: Page) -> None:
    redis.raw.set("k", "v")
    await page.goto(site.at("/console"))
    command = page.get_by_label("Command")
    await expect(command).to_be_focused()
    await page.keyboard.type("GET k")
    await page.keyboard.press("Enter")
    await expect(page.locator(".entry").first).to_contain_text("v")
    await page.keyboard.type("flushall")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="This can do harm")
    await dialog.get_by_role("button", name="Run it").click()
    await expect(dialog.get_by_role("alert")).to_be_visible()
    assert redis.raw.exists("k")
    await dialog.get_by_label("to confirm").fill("FLUSHALL")
    await page.keyboard.press("Enter")
    await expect(page.locator(".entry").first).to_contain_text("OK")
    assert not redis.raw.exists("k")
    await expect(command).to_be_focused()
    await page.keyboard.press("ArrowUp")
    await expect(command).to_have_value("flushall")
    await command.fill("SUBSCRIBE c")
    await page.keyboard.press("Enter")
    await expect(page.locator(".entry").first).to_contain_text("page Live")


async def test_settings_and_users_are_changed(redis: Any, site: Site, page: Page) -> None:
    await page.goto(site.at("/configuration"))
    await page.keyboard.press("/")
    await page.keyboard.type("maxmemory-samples")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Change maxmemory-samples").click()
    await page.get_by_role("dialog").get_by_label("Value").fill("7")
    await page.keyboard.press("Enter")
    await told(page, "Changed maxmemory-samples")
    assert redis.raw.config_get("maxmemory-samples") == {"maxmemory-samples": "7"}

    await page.goto(site.at("/users"))
    await expect(page.get_by_text("this plugin")).to_be_visible()
    await page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("ann")
    await dialog.get_by_role("button", name="Make it").click()
    shown = page.get_by_role("dialog", name="Password of ann").get_by_label("Password")
    password = await shown.input_value()
    assert len(password) >= 24
    await page.get_by_role("button", name="I have it").click()
    row = page.locator("tbody tr").filter(has_text="ann")
    await expect(row).to_contain_text("1 password")
    await page.get_by_role("button", name="Change ann").click()
    rules = page.get_by_role("dialog").get_by_label("Rules")
    await expect(rules).to_have_value(re.compile(r"on resetkeys ~app:\*"))
    await rules.fill("off +@all")
    await page.get_by_role("button", name="Change it").click()
    await expect(row).to_contain_text("disabled")
    user = redis.raw.acl_getuser("ann")
    assert len(user["passwords"]) == 1
    assert "off" in user["flags"]
    await page.get_by_role("button", name="Delete ann").click()
    await expect(page.get_by_role("button", name="Delete ann")).to_have_count(0)
    assert redis.raw.acl_users() == ["default"]


async def test_several_connections_and_the_choice_between_them(
    redis: Any, start_redis: Any, site: Site, page: Page
) -> None:
    other = start_redis()
    redis.raw.set("here", 1)
    other.raw.set("there", 1)
    both = {"first": {"url": redis.url}, "second": {"url": other.url, "readOnly": True}}
    await site.use(both)
    await page.goto(site.at("/keys"))
    await expect(page.locator(".key-row")).to_contain_text("here")
    await page.get_by_label("Connection", exact=True).select_option("second")
    await expect(page.locator(".key-row")).to_contain_text("there")
    await expect(page.get_by_text("Read only")).to_be_visible()
    await expect(page.get_by_role("button", name="New key")).to_have_count(0)
    assert "connection=second" in await page.evaluate("decodeURIComponent(location.hash)")
    await page.get_by_role("button", name="Test", exact=True).click()
    await told(page, f"127.0.0.1:{other.port} answers")
