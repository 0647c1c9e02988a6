"""Tokens and the audit log in the console, and the button of a sign-in provider."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, expect

from tests.e2e.browser import Visitor
from tests.fakes.oidc import CLIENT, SECRET, oidc_provider
from tests.running import gateway

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


async def test_a_token_is_made_shown_once_and_revoked(visit: Visitor) -> None:
    page = visit.page
    await visit.go("/")
    await page.get_by_role("button", name="Account").click()
    await page.get_by_role("menuitem", name="Tokens").click()
    await page.get_by_role("button", name="New token").click()
    await page.get_by_label("Name").fill("ci")
    await page.get_by_label("Grants, one plugin each").fill("notes=user, probe=viewer")
    await page.get_by_role("button", name="Make it").click()
    shown = page.get_by_role("textbox", name="Secret of ci")
    secret = await shown.input_value()
    assert secret.startswith("plugway_")
    await page.get_by_role("button", name="Done").click()
    row = page.locator("tr[data-token=ci]")
    await expect(row).to_contain_text("notes: user, probe: viewer")
    assert secret not in await page.content()

    ci = {"authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(base_url=visit.base, headers=ci, trust_env=False, timeout=20) as program:
        assert (await program.get("/plugins/notes/api/notes")).status_code == 200
        await row.get_by_role("button", name="Revoke ci").click()
        await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        await expect(row).to_have_count(0)
        assert (await program.get("/plugins/notes/api/notes")).status_code == 401

    await visit.go("/audit")
    first = page.locator("tbody tr").first
    await expect(first).to_contain_text("revokeToken")
    await expect(page.locator("tbody")).to_contain_text("createToken")
    assert secret not in await page.content()


async def test_a_viewer_is_not_offered_what_is_for_administrators(visit: Visitor, browser: Browser) -> None:
    client = visit.gateway.client
    made = await client.post("/api/v1/tokens", json={"name": "vera", "role": "viewer"})
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(visit.base + "/")
    await page.get_by_label("Token").fill(made.json()["secret"])
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Plugins", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Account").click()
    await expect(page.get_by_role("menuitem", name="Sign out")).to_be_visible()
    await expect(page.get_by_role("menuitem", name="Tokens")).to_have_count(0)
    await page.goto(visit.base + "/audit")
    await expect(page.get_by_text("could not be loaded")).to_be_visible()
    # Revoked, the page that is open is signed out with its next question.
    await client.delete("/api/v1/tokens/vera")
    await page.goto(visit.base + "/")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await context.close()


async def test_a_person_signs_in_by_the_providers_button(tmp_path: Path, browser: Browser) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    (tmp_path / "secret").write_text(SECRET)
    with oidc_provider(f"{base}/api/v1/oidc/callback", tmp_path / "log") as provider:
        settings = {
            "PLUGWAY_PUBLIC_URL": base,
            "PLUGWAY_OIDC_ISSUER": provider.issuer,
            "PLUGWAY_OIDC_CLIENT_ID": CLIENT,
            "PLUGWAY_OIDC_CLIENT_SECRET_FILE": str(tmp_path / "secret"),
            "PLUGWAY_OIDC_SCOPES": "openid email groups",
            "PLUGWAY_OIDC_ROLES": "plugway-admins=admin",
            "PLUGWAY_OIDC_NAME": "Example",
        }
        async with gateway(tmp_path / "home", settings=settings, port=port):
            context = await browser.new_context()
            page = await context.new_page()
            await page.goto(base)
            await page.get_by_role("link", name="Sign in with Example").click()
            await page.locator("input[name=login]").fill("ada")
            await page.locator("input[name=password]").fill("any")
            await page.locator("button[type=submit]").click()
            await page.locator("button[type=submit]").click()
            await expect(page.get_by_role("heading", name="Plugins", exact=True)).to_be_visible()
            await page.get_by_role("button", name="Account").click()
            await expect(page.get_by_text("Signed in as ada@example.test")).to_be_visible()
            await context.close()
