"""The page in a real browser, under the policy that the console sets."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from playwright.async_api import Page, Response, Route, expect

from tests.shipped.browser import Site, asked_all, late, told

pytestmark = [pytest.mark.redis, pytest.mark.browser]
BYTES = b"\x00\xff\x80 caf\xc3\xa9 \r\n\t\\x41 \xf0\x9f\x94\x91 \xe2\x82"


async def test_find_open_edit_and_delete_a_key(redis: Any, site: Site, page: Page) -> None:
    redis.raw.mset({"user:1": "Ada", "user:2": "Grace", "other": "x"})
    await page.goto(site.at("/keys"))
    rows = page.locator(".key-row")
    await expect(rows).to_have_count(3)
    await page.keyboard.press("/")
    await page.keyboard.type("user:*")
    await page.keyboard.press("Enter")
    await expect(rows).to_have_count(2)
    await page.get_by_role("button", name="user:1").click()
    value = page.get_by_label("Value")
    await expect(value).to_have_value("Ada")
    await value.fill("Ada Lovelace")
    await page.keyboard.press("Control+Enter")
    await told(page, "Saved.")
    assert redis.raw.get("user:1") == b"Ada Lovelace"
    assert "key=user%3A1" in await page.evaluate("decodeURIComponent(location.hash)")
    await value.blur()
    await page.keyboard.press("Delete")
    await expect(rows).to_have_count(1)
    assert not redis.raw.exists("user:1")
    await told(page, "cannot be undone")


async def test_the_keyboard_alone(redis: Any, site: Site, page: Page) -> None:
    redis.raw.set("only", "one")
    await page.goto(site.at("/overview"))
    await expect(page.locator(".tile").first).to_contain_text("1")
    await page.keyboard.press("2")
    await expect(page.locator(".key-row")).to_have_count(1)
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Value")).to_have_value("one")
    await page.keyboard.press("Escape")
    await expect(page.get_by_label("Value")).to_have_count(0)
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("Keyboard")
    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await page.get_by_label("Name").fill("made")
    await page.get_by_label("Value").fill("by keyboard")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".key-row")).to_have_count(2)
    assert redis.raw.get("made") == b"by keyboard"


async def test_each_type_is_shown_and_changed(redis: Any, site: Site, page: Page) -> None:
    raw = redis.raw
    raw.hset("h", "field", "old")
    raw.rpush("l", "first")
    raw.sadd("s", "member")
    raw.zadd("z", {"player": 1})
    raw.xadd("x", {"f": "v"}, id="1-1")
    for key, shown in {"h": "old", "l": "first", "s": "member", "z": "player", "x": "1-1"}.items():
        await page.goto(site.at(f"/keys?key={key}"))
        await expect(page.locator("table.values tbody tr")).to_contain_text(shown)
    await page.goto(site.at("/keys?key=h"))
    await page.get_by_role("button", name="Edit field").click()
    await page.get_by_role("dialog").get_by_label("Value").fill("new")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("table.values tbody tr")).to_contain_text("new")
    assert raw.hget("h", "field") == b"new"
    await page.goto(site.at("/keys?key=z"))
    await page.get_by_role("button", name="Edit the score").click()
    await page.get_by_role("textbox", name="Score").fill("-inf")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("table.values tbody tr")).to_contain_text("-inf")
    await page.get_by_role("button", name="Remove player").click()
    await expect(page.locator(".side .hint")).to_be_visible()
    assert not raw.exists("z")


async def test_a_million_keys_by_keyboard_and_on_a_phone(redis: Any, site: Site, page: Page) -> None:
    redis.raw.execute_command("DEBUG", "POPULATE", 1_000_000, "user", 16)
    redis.raw.config_resetstat()
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto(site.at("/keys"))
    await expect(page.locator(".key-list + .list-foot")).to_contain_text("of 1,000,000")
    # One SCAN a page, and pages only as far as one looks.
    scans = redis.raw.info("commandstats")["cmdstat_scan"]["calls"]
    assert 1 <= scans <= 3
    assert await page.locator(".key-row").count() <= 200 * scans
    await page.keyboard.press("/")
    await page.keyboard.type("user:999999")
    await page.keyboard.press("Enter")
    await expect(page.locator(".key-row")).to_have_count(1)
    await page.get_by_role("searchbox").blur()
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Value")).to_have_value(re.compile(r"^value:999999"))
    assert "cmdstat_keys" not in redis.raw.info("commandstats")


async def test_delete_matching_wants_the_count(redis: Any, site: Site, page: Page) -> None:
    redis.raw.mset({f"tmp:{number}": "x" for number in range(1234)})
    redis.raw.set("kept", "y")
    await page.goto(site.at("/keys?pattern=tmp:*"))
    await page.get_by_role("button", name="Delete matching").click()
    dialog = page.get_by_role("dialog", name="Delete 1,234 keys")
    await dialog.get_by_role("button", name="Delete them").click()
    await expect(dialog).to_contain_text("Type the number 1234")
    assert redis.raw.dbsize() == 1235
    await dialog.get_by_label("to confirm").fill("1234")
    await dialog.get_by_role("button", name="Delete them").click()
    await expect(dialog).to_have_count(0)
    assert redis.raw.keys() == [b"kept"]


async def test_read_only_offers_no_change(redis: Any, site: Site, page: Page) -> None:
    redis.raw.set("k", "v")
    await site.use({"local": {"url": redis.url, "readOnly": True}})
    await page.goto(site.at("/keys?key=k"))
    await expect(page.get_by_text("Read only")).to_be_visible()
    await expect(page.get_by_label("Value")).to_have_attribute("readonly", "")
    for name in ("Delete", "Rename", "New key", "Save", "no expiry"):
        await expect(page.get_by_role("button", name=name)).to_have_count(0)


async def test_redis_that_goes_away_is_told_and_comes_back(redis: Any, site: Site, page: Page) -> None:
    await page.goto(site.at("/overview"))
    await expect(page.locator(".tile").first).to_be_visible()
    redis.kill()
    await expect(page.get_by_role("alert").first).to_contain_text("nothing listens there")
    await page.get_by_role("button", name="Test the connection").click()
    redis.start()
    await expect(page.locator(".tile").first).to_be_visible()


@pytest.mark.parametrize("call", ["/api/connections", "/api/keys", "/api/key", "/api/key/hash"])
@pytest.mark.parametrize("fault", ["away", "busy"])
async def test_one_call_that_fails_does_not_leave_the_page_without_it(
    redis: Any, site: Site, page: Page, call: str, fault: str
) -> None:
    redis.raw.hset("h", "field", "old")
    failed: list[str] = []

    async def fail(route: Route) -> None:
        if len(failed) == 2:
            await route.continue_()
            return
        failed.append(route.request.url)
        if fault == "away":
            await route.abort("connectionreset")
        else:
            problem = {"title": "Not now", "status": 503, "detail": "It is being started."}
            await route.fulfill(status=503, json=problem, content_type="application/problem+json")

    await page.route(lambda url: urlsplit(url).path == call, fail)
    await page.goto(site.at("/keys?key=h"))
    await expect(page.locator("table.values tbody tr")).to_contain_text("old")
    await expect(page.locator(".key-row")).to_have_count(1)
    await expect(page.get_by_role("alert")).to_have_count(0)
    assert len(failed) == 2


async def test_what_time_does_not_mend_is_not_asked_for_again(site: Site, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    await page.clock.install()
    await page.goto(site.at("/keys?key=missing"))
    await expect(page.get_by_role("alert")).to_contain_text("no such key")
    await page.clock.run_for(60_000)
    assert asked.count("/api/key") == 1


async def test_a_late_answer_never_takes_the_place_of_what_was_asked_for_since(
    redis: Any, site: Site, page: Page
) -> None:
    redis.raw.mset({"first": "late", "second": "wanted"})
    released = asyncio.Event()
    answered = asyncio.Event()

    async def hold(route: Route) -> None:
        await released.wait()
        await route.continue_()

    def note(answer: Response) -> None:
        if answer.url.endswith("/api/key?connection=local&key=first"):
            answered.set()

    page.on("response", note)
    await page.route(lambda url: url.endswith("/api/key?connection=local&key=first"), hold)
    await page.goto(site.at("/keys"))
    await page.get_by_role("button", name="first").click()
    await page.get_by_role("button", name="second").click()
    value = page.get_by_label("Value")
    await expect(value).to_have_value("wanted")
    released.set()
    await answered.wait()
    # What the late answer asks for next would be asked for by now.
    await page.evaluate("fetch('/api/connections').then((answer) => answer.text())")
    await expect(page.get_by_role("heading", name="second")).to_be_visible()
    await expect(value).to_have_value("wanted")


async def test_what_is_asked_for_is_asked_once_and_not_shown_in_another_view(
    redis: Any, site: Site, page: Page
) -> None:
    redis.raw.mset({"first": "1", "second": "2"})
    redis.raw.hset("h", mapping={"name": "x", "other": "y"})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(unquote(request.url)))
    await page.goto(site.at("/keys?key=h"))
    # Enter is a search and a change.
    await page.get_by_label("Find a field").fill("name")
    await page.keyboard.press("Enter")
    rows = page.locator("table.values tbody tr")
    await expect(rows).to_have_count(1)
    await page.get_by_label("Pattern").focus()
    await asked_all(page)
    assert sum("/key/hash?" in url and "pattern=*name*" in url for url in asked) == 1
    # A search that begins while the one before is under way.
    async with late(page, "pattern=first"):
        for name in ("first", "second"):
            await page.get_by_label("Pattern").fill(name)
            await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="second")).to_be_visible()
    assert sum("pattern=*second*" in url for url in asked) == 1
    await expect(page.locator(".key-row")).to_have_count(1)
    # Another view is there when the answer comes.
    async with late(page, "/api/clients"):
        await page.get_by_role("button", name="Clients").click()
        await page.get_by_role("button", name="Console").click()
        await expect(page.get_by_label("Command")).to_be_visible()
    await expect(page.get_by_label("Command")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_phone_shows_all_without_sideways_scrolling(
    redis: Any, site: Site, page: Page, theme: str
) -> None:
    redis.raw.set("a-rather-long-name:" + "x" * 300, "y" * 3000)
    redis.raw.hset("h", "a" * 200, "b" * 2000)
    await page.set_viewport_size({"width": 360, "height": 740})
    for path in ("/overview", "/keys", "/keys?key=h", "/slow-log", "/clients"):
        await page.goto("about:blank")
        await page.goto(site.at(path, theme))
        await expect(page.locator(".loading")).to_have_count(0)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path
    await page.goto(site.at("/keys?key=h", theme))
    await expect(page.get_by_role("button", name="Edit aaa")).to_be_visible()
    await expect(page.locator(".key-list")).to_be_hidden()
    await page.get_by_role("button", name=re.compile("Back")).click()
    await expect(page.locator(".key-list")).to_be_visible()


async def test_bytes_survive_every_way_of_showing_them(site: Site, page: Page) -> None:
    await page.goto(site.at("/overview"))
    lost = await page.evaluate(
        """async (given) => {
          const { toText, fromText, modesOf, blobOf, bytesOf, prettyJson } = await import("/ui/bytes.js");
          const json = new TextEncoder().encode('{"n":12345678901234567890}');
          const samples = [Uint8Array.from(given), new Uint8Array(), json];
          for (let round = 0; round < 300; round += 1) {
            samples.push(crypto.getRandomValues(new Uint8Array(round % 60)));
          }
          const lost = [];
          for (const bytes of samples) {
            for (const mode of modesOf(bytes)) {
              if (mode === "json") continue;
              const back = fromText(toText(bytes, mode), mode);
              if (String(back) !== String(bytes)) lost.push([mode, [...bytes]]);
            }
            if (String(bytesOf(blobOf(bytes))) !== String(bytes)) lost.push(["blob", [...bytes]]);
          }
          if (!prettyJson('{"n":12345678901234567890}').includes("12345678901234567890")) lost.push(["json"]);
          return lost;
        }""",
        list(BYTES),
    )
    assert lost == []
