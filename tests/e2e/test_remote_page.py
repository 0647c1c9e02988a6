"""What the console says of a plain HTTP server whose page was signed: that, and no more."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from gateway.trust.envelope import dump_envelope, sign_payload
from gateway.trust.keys import generate
from gateway.trust.statement import ReleaseLock, make_statement
from tests.e2e.browser import Visitor, visitor
from tests.fakes.http_api import Upstream
from tests.fakes.serving import serving
from tests.fakes.unsigned import install_agreed
from tests.fakes.web import Page, Web
from tests.running import gateway

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]

MODULE = b"export function mount(root) { root.textContent = 'panel'; }\n"
DIGEST = f"sha256:{hashlib.sha256(MODULE).hexdigest()}"


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, tmp_path: Path) -> AsyncIterator[Visitor]:
    web, key, home = Web({"/panel.js": Page(MODULE)}), generate(), tmp_path / "home"
    home.mkdir(mode=0o700)
    async with serving(web) as page, serving(Upstream().app()) as api:
        host = api.removeprefix("http://")
        (home / "policy.toml").write_text(
            f'allow_unsigned = [{{ plugins = ["odd-panel"], sources = ["remote"] }}]\n[signers.acme]\n'
            f'plugins = ["acme-*"]\npermissions = {{ egress = ["{host}"] }}\n'
            f'keys = [{{ public = "{key.public.line}" }}]\n'
        )
        lock = ReleaseLock.model_validate(
            {
                "plugin": "acme-panel",
                "version": "1.0.0",
                "uiType": "static",
                "permissions": {"egress": [host]},
                "signedAt": datetime.now(UTC).replace(microsecond=0),
            }
        )
        envelope = dump_envelope(sign_payload(make_statement({"ui/index.js": DIGEST}, lock), (key,)))
        async with gateway(home, settings={"PLUGWAY_FETCH_ALLOW": "127.0.0.1"}) as running:
            for plugin, more in (
                ("acme-panel", {"signature": base64.b64encode(envelope).decode()}),
                ("odd-panel", {}),
            ):
                definition = {
                    "id": plugin,
                    "version": "1.0.0",
                    "source": "remote",
                    "apiBaseUrl": f"{api}/v1",
                    "uiConfig": {"componentEndpoint": f"{page}/panel.js"},
                    **more,
                }
                await install_agreed(running, definition)
                await running.healthy(plugin, 120)
            async with visitor(browser, running) as found:
                yield found
                assert found.foreign_requests() == []
                assert found.errors == []


async def test_the_page_is_signed_and_the_api_behind_it_is_nobodys_word(visit: Visitor) -> None:
    page = visit.page
    await visit.go("/")
    row = page.locator(".row[data-plugin=acme-panel]")
    await expect(row.locator(".badge")).to_have_text(["External", "Page signed by acme"])
    odd = page.locator(".row[data-plugin=odd-panel]")
    await expect(odd.locator(".badge")).to_have_text(["External", "Unsigned"])
    await visit.go("/plugins/acme-panel/trust")
    main = page.get_by_role("main")
    await expect(main).to_contain_text("its page only: nobody vouches for the API behind it")
    rating = page.get_by_role("region", name="Rating")
    await expect(rating).to_contain_text("Somebody else runs the API behind it")
    lock = page.get_by_role("region", name="Release lock")
    await expect(lock).to_contain_text(DIGEST)
    await visit.go("/plugins/odd-panel/trust")
    await expect(main).to_contain_text("Not verified: its page is unsigned")
