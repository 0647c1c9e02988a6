"""The page in a real browser, under the policy that the console sets."""

from __future__ import annotations

import asyncio
import io
import re
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.async_api import Page, Route, expect

from tests.shipped.browser import OUTSIDE, Site, told
from tests.shipped.servers import eventually

pytestmark = [pytest.mark.minio, pytest.mark.browser]
# A picture of one red point.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)


async def arrange(minio: Any, bucket: str, objects: dict[str, bytes], kind: str = "text/plain") -> None:
    def work() -> None:
        if not minio.raw.bucket_exists(bucket):
            minio.raw.make_bucket(bucket)
        for key, content in objects.items():
            minio.raw.put_object(bucket, key, io.BytesIO(content), len(content), kind)

    await asyncio.to_thread(work)


async def names(minio: Any, bucket: str) -> list[str]:
    found = await asyncio.to_thread(lambda: list(minio.raw.list_objects(bucket, recursive=True)))
    return [one.object_name for one in found]


async def test_make_set_and_delete_a_bucket(minio: Any, site: Site, page: Page) -> None:
    await page.goto(site.at("/buckets"))
    await expect(page.get_by_text("No buckets yet")).to_be_visible()
    await page.keyboard.press("n")
    await page.get_by_label("Name").fill("Not A Name")
    await page.get_by_role("button", name="Make the bucket").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_label("Name").fill("photos")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("button", name="photos", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Settings of photos").click()
    changes = page.get_by_role("button", name="Change")
    await changes.nth(0).click()
    await told(page, "Saved.")
    await expect(page.locator(".facts")).to_contain_text("Versionson")
    await changes.nth(1).click()
    await page.get_by_label("Who may").select_option("custom")
    await page.get_by_role("textbox", name="Policy").fill("{ this is no JSON")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("not JSON")
    await page.get_by_label("Who may").select_option("public-read")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".facts")).to_contain_text("everybody may read")
    await changes.nth(2).click()
    await page.get_by_label("At most").fill("2")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".facts")).to_contain_text("2.0 GiB")
    await changes.nth(3).click()
    await page.get_by_role("textbox", name="Tags").fill("team = blue\nstage = test")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".facts")).to_contain_text("team: blue")
    await page.get_by_role("button", name="New rule").click()
    await page.get_by_label("Names that begin with").fill("tmp/")
    await page.get_by_label("Objects go after (days)").fill("7")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".rules")).to_contain_text("objects go after 7 days · below tmp/")
    await arrange(minio, "photos", {"left": b"x"})
    await page.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("to confirm").fill("photo")
    await dialog.get_by_role("button", name="Delete the bucket").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Type photos to confirm")
    await dialog.get_by_label("to confirm").fill("photos")
    await dialog.get_by_role("button", name="Delete the bucket").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("not empty")
    await dialog.get_by_label("Also delete all objects").check()
    await dialog.get_by_role("button", name="Delete the bucket").click()
    await expect(page.get_by_text("No buckets yet")).to_be_visible()
    assert not await asyncio.to_thread(minio.raw.bucket_exists, "photos")


async def test_find_open_change_and_delete_objects(minio: Any, site: Site, page: Page) -> None:
    await arrange(minio, "docs", {"a/b/one.txt": b"first", "a/two.txt": b"second", "top.txt": b"third"})
    await page.goto(site.at("/objects?bucket=docs"))
    rows = page.locator(".object-row")
    await expect(rows).to_have_count(2)
    await page.get_by_role("button", name="a/", exact=False).first.click()
    await expect(rows).to_have_count(2)
    await page.get_by_role("button", name="two.txt").click()
    await expect(page.locator("pre.preview")).to_have_text("second")
    await page.get_by_role("button", name="Tags…").click()
    await page.get_by_role("textbox", name="Tags").fill("kind = letter")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".facts")).to_contain_text("kind: letter")
    await page.get_by_role("button", name="Metadata…").click()
    await page.get_by_role("textbox", name="Metadata").fill("owner = ann")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".facts")).to_contain_text("owner: ann")
    await page.get_by_role("button", name="Link…").click()
    await page.get_by_role("button", name="Make the link").click()
    await expect(page.get_by_label("The link")).to_have_value(
        re.compile(r"^http://127\.0\.0\.1:\d+/docs/a/two\.txt\?.*X-Amz-Signature=")
    )
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Download").click()
    await told(page, "two.txt: second")
    await page.keyboard.press("Delete")
    await expect(rows).to_have_count(1)
    assert await names(minio, "docs") == ["a/b/one.txt", "top.txt"]
    await page.keyboard.press("Backspace")
    await expect(page.get_by_role("button", name="top.txt")).to_be_visible()
    await page.get_by_label("Select top.txt").check()
    await page.get_by_role("button", name="Delete 1").click()
    await told(page, "Deleted 1 object.")
    assert await names(minio, "docs") == ["a/b/one.txt"]
    await told(page, "cannot be undone")


async def test_upload_replace_and_versions(minio: Any, site: Site, page: Page) -> None:
    await arrange(minio, "files", {"in/old.txt": b"old"})
    await asyncio.to_thread(_keep_versions, minio)
    await page.goto(site.at("/objects?bucket=files&prefix=in/"))
    await expect(page.locator(".object-row")).to_have_count(1)
    picker = page.locator("input[type=file]")
    await picker.set_input_files(
        [
            {"name": "old.txt", "mimeType": "text/plain", "buffer": b"new"},
            {"name": "red.png", "mimeType": "image/png", "buffer": PNG},
        ]
    )
    await told(page, "Replace “in/old.txt”?")
    await told(page, "Uploaded red.png.")
    await expect(page.locator(".object-row")).to_have_count(2)
    await page.get_by_role("button", name="red.png").click()
    await expect(page.locator("img.preview")).to_have_js_property("naturalWidth", 1)
    await page.get_by_role("button", name="old.txt").click()
    await expect(page.locator("pre.preview")).to_have_text("new")
    await page.get_by_role("button", name="Restore").click()
    await expect(page.locator("pre.preview")).to_have_text("old")
    await expect(page.locator(".rules li")).to_have_count(3)


def _keep_versions(minio: Any) -> None:
    from minio.commonconfig import ENABLED
    from minio.versioningconfig import VersioningConfig

    minio.raw.set_bucket_versioning("files", VersioningConfig(ENABLED))


async def test_the_keyboard_alone(minio: Any, site: Site, page: Page) -> None:
    await arrange(minio, "keys", {"one.txt": b"by keyboard", "sub/two.txt": b"x"})
    await page.goto(site.at("/objects?bucket=keys"))
    await expect(page.locator(".object-row")).to_have_count(2)
    await page.locator("body").press("j")  # the folder, which comes first
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.locator("pre.preview")).to_have_text("by keyboard")
    await page.keyboard.press("Escape")
    await expect(page.locator("pre.preview")).to_have_count(0)
    await page.keyboard.press("/")
    await page.keyboard.type("sub/")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="two.txt")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("Keyboard")
    await page.keyboard.press("Escape")
    await page.keyboard.press("1")
    await expect(page.get_by_role("button", name="keys", exact=True)).to_be_visible()


async def test_delete_below_counts_and_wants_the_prefix(minio: Any, site: Site, page: Page) -> None:
    await arrange(minio, "bulk", {**{f"tmp/{number}": b"x" for number in range(30)}, "kept": b"y"})
    await page.goto(site.at("/objects?bucket=bulk&prefix=tmp/"))
    await page.get_by_role("button", name="Delete below").click()
    dialog = page.get_by_role("dialog", name="Delete all below tmp/")
    await expect(dialog).to_contain_text("30 objects, 30 B.")
    await dialog.get_by_role("button", name="Delete them").click()
    await expect(dialog).to_contain_text("Type tmp/ to confirm")
    assert len(await names(minio, "bulk")) == 31
    await dialog.get_by_label("to confirm").fill("tmp/")
    await dialog.get_by_role("button", name="Delete them").click()
    await expect(dialog).to_have_count(0)
    assert await names(minio, "bulk") == ["kept"]


async def test_more_objects_come_as_one_scrolls(minio: Any, site: Site, page: Page) -> None:
    await arrange(minio, "long", {f"{number:04}": b"" for number in range(450)})
    await page.goto(site.at("/objects?bucket=long"))
    await expect(page.locator(".list-foot")).to_contain_text("there are more")
    rows = page.locator(".object-row")
    assert await rows.count() < 450

    async def all_shown() -> bool:
        await page.evaluate("document.querySelector('.list').scrollTo(0, 1e6)")
        return await rows.count() == 450

    await eventually(all_shown)
    await expect(page.locator(".list-foot")).to_contain_text("450 entries")


async def test_enter_in_a_search_asks_once(minio: Any, site: Site, page: Page) -> None:
    await arrange(minio, "searched", {"a.txt": b"a"})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "search=sear" in request.url else None)
    await page.goto(site.at("/buckets"))
    found = page.get_by_role("button", name="searched", exact=True)
    await expect(found).to_be_visible()
    await page.get_by_label("Search buckets").fill("sear")
    await page.keyboard.press("Enter")
    await expect(page.locator(".list-foot")).to_contain_text("1 of 1 bucket")
    # What a second load would ask for has been asked before this answer is shown.
    await found.click()
    await expect(page.get_by_text("a.txt")).to_be_visible()
    assert len(asked) == 1, asked


async def test_read_only_offers_no_change(minio: Any, site: Site, page: Page) -> None:
    await arrange(minio, "docs", {"a.txt": b"x"})
    await site.use({"local": {**minio.connection, "readOnly": True}})
    for path in ("/buckets", "/buckets?bucket=docs", "/objects?bucket=docs&key=a.txt"):
        await page.goto("about:blank")
        await page.goto(site.at(path))
        await expect(page.get_by_text("Read only")).to_be_visible()
        await expect(page.locator(".loading")).to_have_count(0)
        for name in ("Delete", "New", "Upload", "Change", "Tags", "Metadata", "Link"):
            await expect(page.get_by_role("button", name=name)).to_have_count(0)


async def test_several_connections(minio: Any, start_minio: Any, site: Site, page: Page) -> None:
    other = await asyncio.to_thread(start_minio)
    await arrange(minio, "here", {})
    await arrange(other, "there", {})
    both = {"a": minio.connection, "b": other.connection}
    await site.use(both)
    await page.goto(site.at("/buckets"))
    await expect(page.get_by_role("button", name="here", exact=True)).to_be_visible()
    await page.get_by_label("Connection").select_option("b")
    await expect(page.get_by_role("button", name="there", exact=True)).to_be_visible()
    assert "connection=b" in await page.evaluate("decodeURIComponent(location.hash)")
    await page.get_by_role("button", name="Test").click()
    await told(page, f"127.0.0.1:{other.port} answers")


async def test_the_server_its_drives_and_what_lies_on_it(minio: Any, site: Site, page: Page) -> None:
    await arrange(minio, "docs", {"a.txt": b"content"})
    usage = {
        "counted": "2026-01-01T00:00:00Z", "size": 400, "objects": 5, "bucketCount": 3,
        "buckets": [{"name": "large", "size": 300, "objects": 3}, {"name": "docs", "size": 75, "objects": 1}],
        "sizes": [{"atLeast": 0, "below": 1024, "objects": 4},
                  {"atLeast": 1024, "below": None, "objects": 1}],
    }  # fmt: skip
    await page.goto(site.at("/buckets"))
    await expect(page.get_by_role("button", name="docs", exact=True)).to_be_visible()
    await page.keyboard.press("4")
    # As it is: a server that is new has counted nothing.
    await expect(page.locator(".tiles")).to_contain_text("online")
    drives = page.get_by_role("list", name=f"Drives of 127.0.0.1:{minio.port}")
    await expect(drives.locator("li")).to_have_count(1)
    await expect(drives).to_contain_text(" free")
    await expect(page.get_by_text("keeps no history")).to_be_visible()
    # And as it is once it has, which takes it a minute.
    await page.route("**/api/server/usage*", lambda route: route.fulfill(json=usage))
    await page.keyboard.press("r")
    rows = page.get_by_role("list", name="Usage by bucket").locator("li")
    await expect(rows).to_contain_text(["300 B, 3 objects", "75 B, 1 object", "1 other bucket"])
    drawn = rows.locator(".fill").evaluate_all("all => all.map(one => one.getAttribute('width'))")
    assert [float(width) for width in await drawn] == [100, 25, 8.33]
    await expect(page.get_by_role("list", name="Objects by size").locator("li")).to_contain_text(
        ["below 1.0 KiB4", "1.0 KiB and more1"]
    )
    await page.get_by_role("button", name="docs").click()
    await expect(page.get_by_role("button", name="a.txt")).to_be_visible()


async def test_minio_that_goes_away_is_told_and_comes_back(minio: Any, site: Site, page: Page) -> None:
    await arrange(minio, "docs", {})
    await asyncio.to_thread(minio.kill)
    await page.goto(site.at("/buckets"))
    await expect(page.get_by_role("alert")).to_contain_text("nothing listens there")
    await asyncio.to_thread(minio.start)
    await expect(page.get_by_role("button", name="docs", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    "call",
    [
        "/api/connections",
        "/api/buckets/docs/objects",
        "/api/buckets/docs/object",
        "/api/buckets/docs/object/preview",
    ],
)
async def test_one_call_that_fails_does_not_leave_the_page_without_it(
    minio: Any, site: Site, page: Page, call: str
) -> None:
    await arrange(minio, "docs", {"a.txt": b"content"})
    failed: list[str] = []

    async def fail(route: Route) -> None:
        if len(failed) == 2:
            await route.continue_()
            return
        failed.append(route.request.url)
        await route.abort("connectionreset")

    await page.route(lambda url: urlsplit(url).path == call, fail)
    await page.goto(site.at("/objects?bucket=docs&key=a.txt"))
    await expect(page.locator("pre.preview")).to_have_text("content")
    await expect(page.locator(".object-row")).to_have_count(1)
    await expect(page.get_by_role("alert")).to_have_count(0)
    assert len(failed) == 2


ACCESS = (
    "/access", "/access?part=groups", "/access?part=policies", "/access?part=keys",
    "/access?part=users&name=ann", "/access?part=groups&name=team", "/access?part=policies&name=readonly",
)  # fmt: skip


def _accounts(minio: Any) -> None:
    minio.admin.user_add("ann", "ann-secret")
    minio.admin.user_add("x" * 100, "ann-secret")
    minio.admin.group_add("team", ["ann", "x" * 100])
    minio.admin.attach_policy(["readonly", "readwrite"], user="ann")
    minio.admin.add_service_account(name="a-label")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_phone_shows_all_without_sideways_scrolling(
    minio: Any, site: Site, page: Page, theme: str
) -> None:
    long = "a-rather-long-name-" + "x" * 200
    await arrange(minio, "docs", {f"{long}/{long}.txt": b"y" * 3000, f"{long}.txt": b"z"})
    await page.set_viewport_size({"width": 360, "height": 740})
    await asyncio.to_thread(_accounts, minio)
    key = quote(f"{long}.txt")
    opened = f"/objects?bucket=docs&key={key}"
    for path in ("/buckets", "/buckets?bucket=docs", "/server", *ACCESS, "/objects?bucket=docs", opened):
        await page.goto("about:blank")
        await page.goto(site.at(path, theme))
        await expect(page.locator(".loading")).to_have_count(0)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path
        # Nothing that can be pressed lies outside, where a panel would cut it off.
        assert await page.evaluate(OUTSIDE) == [], path
    await expect(page.locator(".object-list")).to_be_hidden()
    await page.get_by_role("button", name="Back to the list").click()
    await expect(page.locator(".object-list")).to_be_visible()
