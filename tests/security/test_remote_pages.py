"""Plain HTTP servers as plugins: their page is let in by signature or by leave, like any other page."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.trust.keys import PrivateKey, generate
from gateway.trust.policy import FILE
from tests.command import plugway
from tests.fakes.http_api import Upstream
from tests.fakes.serving import serving
from tests.fakes.web import Page, Web
from tests.running import RunningGateway, gateway

pytestmark = pytest.mark.timeout(240)
MODULE = b"export function mount(root) { root.textContent = 'panel'; }\nexport const Panel = { mount };\n"
ID = "acme-panel"
ACME, STRANGER = generate(), generate()


class Bed:
    """A gateway, a server that offers a page, and the server that answers its calls."""

    def __init__(self, running: RunningGateway, web: Web, page: str, api: str, place: Path) -> None:
        self.running = running
        self.web = web
        self.page = page
        self.api = api
        self.place = place

    @property
    def host(self) -> str:
        return self.api.removeprefix("http://")

    def policy(self, text: str) -> None:
        (self.running.home / FILE).write_text(f"policy = 1\n{text}")

    def trusting(self, key: PrivateKey, *, sources: str = '["remote"]', plugins: str = "acme-*") -> str:
        return (
            f'[signers.acme]\nplugins = ["{plugins}"]\nsources = {sources}\n'
            f'permissions = {{ egress = ["{self.host}"] }}\nkeys = [{{ public = "{key.public.line}" }}]\n'
        )

    async def signature(self, key: PrivateKey, *more: str, plugin: str = ID) -> str:
        """As publishers make it: ``plugway sign`` of the module that they put on their server."""
        file, secret, envelope = (self.place / name for name in ("panel.js", "a.key", "envelope.json"))
        file.write_bytes(MODULE)
        secret.write_bytes(key.pem())
        envelope.unlink(missing_ok=True)
        words = ("--id", plugin, "--version", "1.0.0", "--ui-type", "static", "--egress", self.host, *more)
        ran = await plugway("sign", str(file), *words, "--key", str(secret), "-o", str(envelope))
        assert ran.code == 0, ran.err
        return base64.b64encode(envelope.read_bytes()).decode()

    def definition(self, *, export: str = "", **more: Any) -> dict[str, Any]:
        config = {"componentEndpoint": f"{self.page}/panel.js", "remoteComponent": export}
        return {
            "id": ID,
            "version": "1.0.0",
            "source": "remote",
            "apiBaseUrl": f"{self.api}/v1",
            "uiConfig": {name: text for name, text in config.items() if text},
            **more,
        }

    async def preview(self, **more: Any) -> dict[str, Any]:
        answer = await self.running.client.post("/api/v1/plugins/preview", json=self.definition(**more))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def install(self, **more: Any) -> tuple[int, dict[str, Any]]:
        consent = {"consent": (await self.preview(**more))["releaseId"]}
        answer = await self.running.client.post(
            "/api/v1/plugins", params=consent, json=self.definition(**more)
        )
        return answer.status_code, dict(answer.json())

    async def refused(self, **more: Any) -> dict[str, Any]:
        """Why; nothing of it is there then."""
        code, answer = await self.install(**more)
        assert code == 422, answer
        assert answer["type"] == "urn:plugway:problem:release-refused"
        assert (await self.running.client.get(f"/api/v1/plugins/{ID}")).status_code == 404
        return answer


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    web = Web({"/panel.js": Page(MODULE)})
    async with serving(web) as page, serving(Upstream().app()) as api:
        settings = {"PLUGWAY_FETCH_ALLOW": "127.0.0.1"}
        async with gateway(tmp_path / "home", settings=settings) as running:
            yield Bed(running, web, page, api, tmp_path)


async def test_an_unsigned_page_is_refused_until_the_policy_names_it(bed: Bed) -> None:
    answer = await bed.refused()
    assert answer["rule"] == "unsigned"
    assert f"plugway policy allow-unsigned --plugins {ID} --sources remote" in answer["hint"]
    bed.policy('allow_unsigned = [{ plugins = ["acme-*"], sources = ["cdn"] }]\n')
    assert (await bed.refused())["rule"] == "unsigned"
    bed.policy('allow_unsigned = [{ plugins = ["acme-*"], sources = ["remote"] }]\n')
    code, view = await bed.install()
    assert (code, view["trust"]["verified"], view["trust"]["rule"]) == (201, False, "allowed-unsigned")
    assert "its page is unsigned" in view["trust"]["words"]
    await bed.running.healthy(ID)


async def test_a_digest_is_no_signature(bed: Bed) -> None:
    assert (await bed.refused(signature=f"sha256:{'0' * 64}"))["rule"] == "digest-is-no-signature"


@pytest.mark.parametrize("export", ["", "Panel"], ids=["default export", "remoteComponent"])
async def test_a_signed_page_is_verified_and_its_api_is_not_said_to_be(bed: Bed, export: str) -> None:
    bed.policy(bed.trusting(ACME))
    signature = await bed.signature(ACME, *(("--export", export) if export else ()))
    code, view = await bed.install(signature=signature, export=export)
    assert code == 201, view
    assert (view["trust"]["verified"], view["trust"]["signer"]) == (True, "acme")
    assert "its page only: nobody vouches for the API behind it" in view["trust"]["words"]
    # That it runs at all shows that what it hands out was held against the lock as well.
    view = await bed.running.healthy(ID)
    words = [reason["words"] for reason in view["rating"]["reasons"]]
    assert "Somebody else runs the API behind it, which may change at any time." in words
    client = bed.running.client
    page = await client.get(f"/plugins/{ID}/ui/{'component' if export else 'index'}.js")
    assert page.content == MODULE
    answer = await client.post(f"/plugins/{ID}/api/hello")
    assert (answer.status_code, answer.json()["path"]) == (201, "/v1/hello")


async def test_whoever_signed_has_to_be_trusted_with_just_that(bed: Bed) -> None:
    good = await bed.signature(ACME)
    bed.policy(bed.trusting(ACME))
    assert (await bed.refused(signature=await bed.signature(STRANGER)))["rule"] == "unknown-signer"
    other = await bed.signature(ACME, plugin="acme-other")
    assert (await bed.refused(signature=other))["rule"] == "other-plugin"
    bed.policy(bed.trusting(ACME, plugins="acme-other"))
    assert (await bed.refused(signature=good))["rule"] == "signer-plugins"
    bed.policy(bed.trusting(ACME, sources='["cdn"]'))
    answer = await bed.refused(signature=good)
    assert answer["rule"] == "signer-sources"
    assert "--sources remote" in answer["hint"]


async def test_leave_for_unsigned_pages_is_no_leave_for_badly_signed_ones(bed: Bed) -> None:
    bed.policy(f'allow_unsigned = [{{ plugins = ["acme-*"] }}]\n{bed.trusting(ACME)}')
    assert (await bed.refused(signature=await bed.signature(STRANGER)))["rule"] == "unknown-signer"


async def test_a_page_that_was_changed_after_it_was_signed(bed: Bed) -> None:
    bed.policy(bed.trusting(ACME))
    signature = await bed.signature(ACME)
    bed.web.pages["/panel.js"] = Page(MODULE + b"// and more\n")
    assert (await bed.refused(signature=signature))["rule"] == "file-changed"


async def test_another_export_than_the_one_that_was_signed(bed: Bed) -> None:
    bed.policy(bed.trusting(ACME))
    signature = await bed.signature(ACME, "--export", "Panel")
    assert (await bed.refused(signature=signature, export="mount"))["rule"] == "file-changed"
    assert (await bed.refused(signature=signature))["rule"] == "file-missing"


async def test_another_api_than_the_one_that_was_signed(bed: Bed) -> None:
    bed.policy(bed.trusting(ACME))
    signature = await bed.signature(ACME)
    answer = await bed.refused(signature=signature, apiBaseUrl="http://127.0.0.1:9/v1")
    assert answer["rule"] == "permissions-beyond-lock"


async def test_the_policy_may_refuse_all_endpoints_signed_pages_too(bed: Bed) -> None:
    bed.policy('remote_endpoints = "refuse"\n' + bed.trusting(ACME))
    assert (await bed.refused(signature=await bed.signature(ACME)))["rule"] == "remote-endpoint"


async def test_a_server_without_a_page_stays_an_endpoint_that_the_operator_names(bed: Bed) -> None:
    definition = {name: value for name, value in bed.definition().items() if name != "uiConfig"}
    shown = (await bed.running.client.post("/api/v1/plugins/preview", json=definition)).json()
    assert (shown["trust"]["rule"], shown["trust"]["verified"]) == ("remote-endpoint", False)


async def test_verify_and_the_offer_of_a_page_of_two_files(bed: Bed, tmp_path: Path) -> None:
    """What the gateway made beside the fetched file is not taken for what the server offers."""
    bed.policy(bed.trusting(ACME))
    signature = await bed.signature(ACME, "--export", "Panel")
    assert (await bed.install(signature=signature, export="Panel"))[0] == 201
    await bed.running.healthy(ID)
    token = (bed.running.home / "admin.token").read_text().strip()
    by_hand = {"PLUGWAY_URL": bed.running.base, "PLUGWAY_TOKEN": token}
    ran = await plugway("verify", ID, **by_hand)
    assert ran.code == 0, ran.out
    await plugway("update", "--check", **by_hand)
    upstream = (await bed.running.plugin(ID))["upstream"]
    assert (upstream["changed"], upstream["problem"]) == (False, "")
    bundle = tmp_path / "set.bundle"
    ran = await plugway("bundle", "export", ID, "-o", str(bundle), **by_hand)
    assert ran.code == 0, ran.err
    ran = await plugway("uninstall", ID, "--purge", "--yes", **by_hand)
    assert ran.code == 0, ran.err
    ran = await plugway("bundle", "import", str(bundle), "--yes", "--json", **by_hand)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)
    view = await bed.running.healthy(ID)
    assert (view["trust"]["signer"], view["trust"]["verified"]) == ("acme", True)
