"""Users, groups, policies and access keys in a real browser, by mouse and by keyboard."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from minio import Minio
from playwright.async_api import Locator, Page, expect

from tests.shipped.browser import Site, told

pytestmark = [pytest.mark.minio, pytest.mark.browser]
MAY_LIST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:ListAllMyBuckets"], "Resource": ["arn:aws:s3:::*"]}],
}


async def secret_shown(page: Page) -> tuple[str, str]:
    """The access key and secret key of the dialog, which is then gone for good."""
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("it is not shown again")
    secret = await dialog.get_by_label("Secret key").input_value()
    name = await dialog.locator(".code.name").inner_text()
    await dialog.get_by_role("button", name="I have it").click()
    await expect(dialog).to_have_count(0)
    assert secret not in await page.content()
    return name, secret


async def buckets_of(minio: Any, name: str, secret: str) -> int:
    """How many buckets this login sees; raises where it may not ask."""
    client = Minio(f"127.0.0.1:{minio.port}", name, secret, secure=False, region="us-east-1")
    return len(await asyncio.to_thread(client.list_buckets))


def row(page: Page, text: str) -> Locator:
    return page.locator("tbody tr").filter(has_text=text)


async def test_a_policy_a_user_and_a_group(minio: Any, site: Site, page: Page) -> None:
    await asyncio.to_thread(minio.raw.make_bucket, "docs")
    await page.goto(site.at("/access?part=policies"))
    await expect(row(page, "readonly")).to_contain_text("comes with MinIO")
    await page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("may-list")
    text = dialog.get_by_role("textbox", name="Policy")
    for wrong, words in (("{ no json", "not JSON"), ("{}", "needs a version")):
        await text.fill(wrong)
        await dialog.get_by_role("button", name="Make the policy").click()
        await expect(dialog.get_by_role("alert")).to_contain_text(words)
    await text.fill(json.dumps(MAY_LIST).replace("ListAll", "ListNone"))
    await page.keyboard.press("Control+Enter")
    await expect(dialog.get_by_role("alert")).to_contain_text("s3:ListNoneMyBuckets")
    await text.fill(json.dumps(MAY_LIST))
    await page.keyboard.press("Control+Enter")
    await expect(row(page, "may-list")).to_be_visible()

    await page.get_by_role("button", name="Users").click()
    await page.get_by_role("button", name="New user").click()
    await dialog.get_by_label("Name").fill("ann")
    await dialog.get_by_label("may-list").check()
    await dialog.get_by_role("button", name="Make the user").click()
    name, secret = await secret_shown(page)
    assert (name, len(secret)) == ("ann", 40)
    assert await buckets_of(minio, name, secret) == 1
    await row(page, "may-list").get_by_role("button", name="ann").click()
    await page.get_by_role("button", name="New secret key").click()
    await expect(dialog).to_contain_text("The secret key that “ann” has now is refused")
    await dialog.get_by_role("button", name="Set it").click()
    _, second = await secret_shown(page)
    assert second != secret
    assert await buckets_of(minio, name, second) == 1
    await page.get_by_role("button", name="Change").click()
    await dialog.get_by_label("may-list").uncheck()
    await dialog.get_by_role("searchbox").fill("diag")
    await expect(dialog.get_by_role("checkbox")).to_have_count(1)
    await dialog.get_by_label("diagnostics").check()
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.locator(".facts")).to_contain_text("diagnostics")
    await expect(page.locator(".facts")).not_to_contain_text("may-list")
    await page.get_by_role("button", name="Disable").click()
    await told(page, "Disable the user “ann”? It and its access keys are refused at once.")
    await expect(page.get_by_role("button", name="Enable")).to_be_visible()

    await page.get_by_role("button", name="Groups").click()
    await page.get_by_role("button", name="New group").click()
    await dialog.get_by_label("Name").fill("team")
    await dialog.get_by_label("ann").check()
    await dialog.get_by_label("may-list").check()
    await dialog.get_by_role("button", name="Make the group").click()
    await row(page, "may-list").get_by_role("button", name="team").click()
    await expect(page.get_by_role("button", name="ann")).to_be_visible()
    await page.goto("about:blank")
    await page.goto(site.at("/access?part=policies&name=may-list"))
    await page.get_by_role("button", name="Delete…").click()
    await told(page, "'may-list' is attached to group team.")
    await page.get_by_role("button", name="team").click()
    await expect(page.get_by_role("button", name="Delete…")).to_be_visible()
    await page.keyboard.press("Delete")
    await told(page, "Delete the group “team”? Its 1 member stays a user and loses what")
    await expect(page.get_by_text("No groups yet")).to_be_visible()
    assert json.loads(await asyncio.to_thread(minio.admin.group_list)) == []
    assert "ann" in json.loads(await asyncio.to_thread(minio.admin.user_list))


async def test_access_keys_by_keyboard_and_nothing_to_change_in_read_only(
    minio: Any, site: Site, page: Page
) -> None:
    await page.goto(site.at("/access?part=keys"))
    await expect(page.get_by_text("No access keys yet")).to_be_visible()
    await page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Label")).to_be_focused()
    await page.keyboard.type("nightly")
    await dialog.get_by_label("Allow it less than its user").check()
    await dialog.get_by_label("Ends").select_option("30")
    await dialog.get_by_role("textbox", name="Policy").fill(json.dumps(MAY_LIST))
    await page.keyboard.press("Control+Enter")
    name, secret = await secret_shown(page)
    assert await buckets_of(minio, name, secret) == 0
    await expect(row(page, "nightly")).to_contain_text("what its own policy allows")
    await row(page, "nightly").get_by_role("button").press("Enter")
    await expect(page.locator("pre")).to_contain_text("s3:ListAllMyBuckets")
    await page.keyboard.press("Escape")
    await expect(row(page, "nightly")).to_be_visible()

    await site.use({"local": {**minio.connection, "readOnly": True}})
    for path in ("/access", "/access?part=policies", f"/access?part=keys&name={name}"):
        await page.goto("about:blank")
        await page.goto(site.at(path))
        await expect(page.locator(".panel, .empty").first).to_be_visible()
        await expect(page.get_by_role("button", name="New")).to_have_count(0)
        await expect(page.get_by_role("button", name="Delete")).to_have_count(0)
    await site.use({"local": minio.connection})
    await page.goto("about:blank")
    await page.goto(site.at(f"/access?part=keys&name={name}"))
    await page.get_by_role("button", name="Delete…").click()
    await told(page, f"Delete the access key “{name}” (nightly)? Whatever uses it is refused at once.")
    await expect(page.get_by_text("No access keys yet")).to_be_visible()
