"""What the console shows of trust: tier, signer, rating, sandbox, relay, release lock, verification."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from gateway.trust.envelope import dump_envelope, sign_payload
from gateway.trust.keys import PrivateKey, generate
from gateway.trust.statement import ReleaseLock, make_statement
from tests.e2e.browser import Visitor, visitor
from tests.fakes.serving import serving
from tests.fakes.unsigned import install_agreed
from tests.fakes.web import Page, Web
from tests.parts import need_docker
from tests.running import RunningGateway, gateway

pytestmark = [
    pytest.mark.browser, pytest.mark.docker, pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
]  # fmt: skip

MODULE = b"export function mount(root) { root.textContent = 'panel'; }\n"
DIGEST = f"sha256:{hashlib.sha256(MODULE).hexdigest()}"
PHONE = {"width": 375, "height": 740}


def signed(key: PrivateKey, plugin: str) -> str:
    lock = ReleaseLock.model_validate(
        {
            "plugin": plugin,
            "version": "1.0.0",
            "uiType": "static",
            "signedAt": datetime.now(UTC).replace(microsecond=0),
        }
    )
    payload = make_statement({"ui/index.js": DIGEST}, lock)
    return base64.b64encode(dump_envelope(sign_payload(payload, (key,)))).decode()


@dataclass
class Ground:
    running: RunningGateway
    key: PrivateKey

    def trust(self, *, revoked: bool = False) -> None:
        at = 'revoked = { at = 2026-01-01T00:00:00Z, reason = "laptop stolen" }' if revoked else ""
        (self.running.home / "policy.toml").write_text(
            'policy = 1\nallow_unsigned = [{ plugins = ["odd-*"] }]\n[signers.acme]\nplugins = ["acme-*"]\n'
            f'[[signers.acme.keys]]\npublic = "{self.key.public.line}"\n{at}\n'
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ground(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    need_docker()
    web = Web({"/panel.js": Page(MODULE)})
    settings = {"PLUGWAY_FETCH_ALLOW": "127.0.0.1", "PLUGWAY_INSTALL": "notes,redis-management"}
    home: Path = tmp_path_factory.mktemp("trust") / "home"
    async with serving(web) as base, gateway(home, "docker", settings) as running:
        found = Ground(running, generate())
        found.trust()
        for plugin, signature in (("acme-panel", signed(found.key, "acme-panel")), ("odd-panel", "")):
            definition: dict[str, Any] = {
                "id": plugin,
                "version": "1.0.0",
                "source": "cdn",
                "uiConfig": {"componentUrl": f"{base}/panel.js"},
                "checksum": DIGEST,
                "signature": signature,
            }
            await install_agreed(running, {name: value for name, value in definition.items() if value})
        await running.healthy("redis-management", 120)
        values = {"values": {"connections": {"local": {"url": "redis://127.0.0.1:6379/0"}}}}
        told = await running.client.put("/api/v1/plugins/redis-management/settings", json=values)
        told.raise_for_status()
        for plugin in ("notes", "redis-management", "acme-panel", "odd-panel"):
            await running.healthy(plugin, 120)
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, ground: Ground) -> AsyncIterator[Visitor]:
    async with visitor(browser, ground.running) as found:
        yield found
        assert found.foreign_requests() == []
        assert found.errors == []


async def look(visit: Visitor, name: str) -> None:
    """A picture for people, where somebody asks for one."""
    if directory := os.environ.get("PLUGWAY_PICTURES"):
        await visit.page.wait_for_timeout(400)
        await visit.page.screenshot(path=Path(directory) / f"{name}.png", full_page=True)


async def test_the_list_tells_tier_signer_and_grade(visit: Visitor) -> None:
    await visit.go("/")
    mine = visit.page.locator(".row[data-plugin=acme-panel]")
    await expect(mine.locator(".badge")).to_have_text(["External", "Signed by acme"])
    await expect(mine.locator(".grade")).to_have_text("A")
    odd = visit.page.locator(".row[data-plugin=odd-panel]")
    await expect(odd.locator(".badge")).to_have_text(["External", "Unsigned"])
    await expect(odd.locator(".grade")).to_have_text("C")
    await expect(visit.page.locator(".row[data-plugin=notes] .badge")).to_have_text(["Built-in"])
    await look(visit, "list")


async def test_a_signed_plugin_with_its_lock_and_its_sandbox(visit: Visitor) -> None:
    page = visit.page
    await visit.go("/plugins/acme-panel")
    await page.get_by_role("link", name="Signed by acme").click()
    rating = page.get_by_role("region", name="Rating")
    await expect(rating.locator(".grade")).to_have_text("A")
    await expect(rating).to_contain_text("Signed by acme, whom the policy knows.")
    await expect(rating).to_contain_text("Its sandbox (docker) is whole. seen")
    around = page.get_by_role("region", name="Sandbox and connections")
    await expect(around).to_contain_text("Sandbox: docker.")
    await expect(around).to_contain_text("read-only root file system")
    await expect(around).to_contain_text("No network at all, and no way out.")
    lock = page.get_by_role("region", name="Release lock")
    await expect(lock).to_contain_text(DIGEST)
    await expect(lock).to_contain_text("ui/index.js")
    view = await visit.gateway.plugin("acme-panel")
    await expect(lock).to_contain_text(view["trust"]["keys"][0])
    await expect(lock).to_contain_text(view["releaseId"])
    await expect(lock).to_contain_text("panel.js")
    await lock.get_by_text("The lock as it was signed").click()
    await expect(lock.locator("pre").last).to_contain_text('"signedAt"')
    await look(visit, "signed")


async def test_what_the_relay_grants_is_shown(visit: Visitor) -> None:
    await visit.go("/plugins/redis-management/trust")
    around = visit.page.get_by_role("region", name="Sandbox and connections")
    await expect(around.locator(".granted")).to_contain_text("127.0.0.1:6379")
    await expect(around).to_contain_text("No network of its own")
    await look(visit, "relay")


async def test_verification_by_a_button_finds_what_was_changed(visit: Visitor, ground: Ground) -> None:
    page = visit.page
    await visit.go("/plugins/odd-panel/trust")
    checks = page.get_by_role("region", name="Verification")
    await checks.get_by_role("button", name="Verify now").click()
    await expect(checks.locator("[data-check=artefact]")).to_contain_text("Holds")
    await expect(checks.locator("[data-check=trust]")).to_contain_text("Nobody vouches")
    await expect(checks).to_contain_text("Nothing that was looked at failed.")
    for path in (ground.running.home / "external").rglob("index.js"):
        if "odd-panel" in (path.parents[1] / "plugway.toml").read_text():
            path.chmod(0o644)
            path.write_bytes(MODULE + b"// more\n")
    await checks.get_by_role("button", name="Verify now").click()
    await expect(checks.locator("[data-check=artefact]")).to_contain_text("Failed")
    await expect(checks).to_contain_text("It is not what was let in.")
    await look(visit, "verify-failed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_is_wider_than_a_phone(browser: Browser, ground: Ground, scheme: str) -> None:
    async with visitor(browser, ground.running, viewport=PHONE, color_scheme=scheme) as visit:
        for path in ("/", *(f"/plugins/{one}/trust" for one in ("acme-panel", "redis-management"))):
            await visit.go(path)
            await expect(visit.page.locator(".grade").first).to_be_visible()
            await expect(visit.page.locator("main [aria-busy]")).to_have_count(0)
            wide = await visit.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, path
            await look(visit, f"phone-{scheme}{path.replace('/', '-')}")
    async with visitor(browser, ground.running, color_scheme=scheme) as visit:
        await visit.go("/plugins/acme-panel/trust")
        await expect(visit.page.locator("main [aria-busy]")).to_have_count(0)
        await look(visit, f"desktop-{scheme}")


async def test_the_loss_of_trust_is_seen_without_reloading(visit: Visitor, ground: Ground) -> None:
    await visit.go("/plugins/acme-panel/trust")
    await expect(visit.page.locator(".badge[data-standing=ok]")).to_have_text("Signed by acme")
    ground.trust(revoked=True)
    await expect(visit.page.get_by_role("alert")).to_contain_text("laptop stolen")
    await expect(visit.page.get_by_role("region", name="Rating").locator(".grade")).to_have_text("E")
    await expect(visit.page.locator(".badge[data-standing=danger]")).to_have_text("Trusted no more")
    await look(visit, "revoked")
    ground.trust()
    await expect(visit.page.locator(".badge[data-standing=ok]")).to_have_text("Signed by acme")
