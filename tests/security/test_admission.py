"""The policy at work in a real gateway: nothing comes in unseen, and what loses its trust is dealt with."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.model import UiType
from gateway.trust.envelope import dump_envelope, sign_payload
from gateway.trust.keys import PrivateKey, generate
from gateway.trust.policy import FILE
from gateway.trust.statement import ReleaseLock, make_statement
from tests.command import plugway
from tests.fakes.serving import serving
from tests.fakes.web import Page, Web
from tests.running import RunningGateway, gateway, until

pytestmark = pytest.mark.timeout(120)
MODULE = b"export function mount(root) { root.textContent = 'panel'; }\n"
DIGEST = f"sha256:{hashlib.sha256(MODULE).hexdigest()}"
ALLOW_UNSIGNED = 'allow_unsigned = [{ plugins = ["acme-*"] }]\n'


def signature(key: PrivateKey, version: str = "1.0.0", digest: str = DIGEST) -> str:
    lock = ReleaseLock.model_validate(
        {
            "plugin": "acme-panel",
            "version": version,
            "uiType": UiType.STATIC,
            "signedAt": datetime.now(UTC).replace(microsecond=0),
        }
    )
    return base64.b64encode(
        dump_envelope(sign_payload(make_statement({"ui/index.js": digest}, lock), (key,)))
    ).decode()


def trusting(key: PrivateKey, more: str = "") -> str:
    return f"""{more}
[signers.acme]
plugins = ["acme-*"]
keys = [{{ public = "{key.public.line}" }}]
"""


class Bed:
    def __init__(self, running: RunningGateway, web: Web, base: str) -> None:
        self.running = running
        self.client = running.client
        self.web = web
        self.base = base

    def policy(self, text: str) -> None:
        (self.running.home / FILE).write_text(text)

    def definition(self, **more: Any) -> dict[str, Any]:
        return {
            "id": "acme-panel",
            "version": "1.0.0",
            "source": "cdn",
            "checksum": DIGEST,
            "uiConfig": {"componentUrl": f"{self.base}/panel.js"},
            **more,
        }

    async def preview(self, **more: Any) -> dict[str, Any]:
        answer = await self.client.post("/api/v1/plugins/preview", json=self.definition(**more))
        return dict(answer.raise_for_status().json())

    async def install(self, consent: str = "", **more: Any) -> tuple[int, dict[str, Any]]:
        answer = await self.client.post(
            "/api/v1/plugins", params={"consent": consent} if consent else {}, json=self.definition(**more)
        )
        return answer.status_code, dict(answer.json())

    async def in_service(self, **more: Any) -> dict[str, Any]:
        shown = await self.preview(**more)
        code, answer = await self.install(shown["releaseId"], **more)
        assert code == 201, answer
        return await self.running.healthy("acme-panel")

    async def trust(self) -> dict[str, Any]:
        return dict((await self.running.plugin("acme-panel"))["trust"])


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    web = Web({"/panel.js": Page(MODULE)})
    async with serving(web) as base:
        settings = {"PLUGWAY_FETCH_ALLOW": "127.0.0.1"}
        async with gateway(tmp_path / "home", settings=settings) as running:
            yield Bed(running, web, base)


async def test_nothing_unsigned_comes_in_by_default(bed: Bed) -> None:
    shown = await bed.preview()
    assert shown["trust"] is None
    assert shown["refusal"]["rule"] == "unsigned"
    code, answer = await bed.install(shown["releaseId"])
    assert (code, answer["rule"]) == (422, "unsigned")
    assert (await bed.client.get("/api/v1/plugins/acme-panel")).status_code == 404


async def test_a_digest_is_no_signature(bed: Bed) -> None:
    code, answer = await bed.install(signature=DIGEST)
    assert (code, answer["rule"]) == (422, "digest-is-no-signature")


async def test_verified_is_no_input(bed: Bed) -> None:
    code, answer = await bed.install(verified=True)
    assert (code, answer["errors"][0]["field"]) == (422, "/verified")


async def test_what_comes_from_elsewhere_needs_consent_to_just_that(bed: Bed) -> None:
    bed.policy(ALLOW_UNSIGNED)
    code, answer = await bed.install()
    assert (code, answer["type"]) == (409, "urn:plugway:problem:consent-needed")
    assert "nothing outside its container" in answer["detail"]
    code, other = await bed.install("acme-panel-000000000000")
    assert (code, other["consent"]) == (409, answer["consent"])
    code, view = await bed.install(answer["consent"])
    assert (code, view["trust"]["verified"], view["tier"]) == (201, False, "external")
    # What was shown was what is installed: it was fetched once.
    assert bed.web.paths() == ["/panel.js"]


async def test_a_known_signer_is_named_and_a_stranger_refused(bed: Bed) -> None:
    acme, stranger = generate(), generate()
    bed.policy(trusting(acme))
    shown = await bed.preview(signature=signature(stranger))
    assert shown["refusal"]["rule"] == "unknown-signer"
    view = await bed.in_service(signature=signature(acme))
    assert view["trust"]["verified"] is True
    assert (view["trust"]["signer"], view["trust"]["keys"]) == ("acme", [acme.public.id])
    page = await bed.client.get("/plugins/acme-panel/ui/index.js")
    assert page.content == MODULE


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        ({"version": "1.0.1"}, "other-version"),
        ({"digest": f"sha256:{'0' * 64}"}, "file-changed"),
    ],
    ids=["a signature of another version", "a signature of other bytes"],
)
async def test_a_signature_holds_for_what_was_signed(bed: Bed, made: dict[str, str], rule: str) -> None:
    acme = generate()
    bed.policy(trusting(acme))
    code, answer = await bed.install(signature=signature(acme, **made))
    assert (code, answer["rule"]) == (422, rule)


async def test_an_old_release_does_not_come_back_by_its_old_signature(bed: Bed) -> None:
    acme = generate()
    bed.policy(trusting(acme))
    newer = {"version": "1.1.0", "signature": signature(acme, "1.1.0")}
    await bed.in_service(**newer)
    answer = await bed.client.post("/api/v1/plugins/acme-panel/rollouts", json={"version": "1.0.0"})
    assert (answer.status_code, answer.json()["reason"]) in ((422, "downgrade"), (422, "other-version"))
    assert (await bed.running.plugin("acme-panel"))["version"] == "1.1.0"


async def test_the_version_floor_outlives_the_plugin(bed: Bed) -> None:
    acme = generate()
    bed.policy(trusting(acme))
    old = {"signature": signature(acme)}
    shown = await bed.in_service(version="1.1.0", signature=signature(acme, "1.1.0"))
    assert shown["versionFloor"] == "1.1.0"
    for purge in (False, True):
        gone = await bed.client.delete("/api/v1/plugins/acme-panel", params={"purge": purge})
        gone.raise_for_status()
        shown = await bed.preview(**old)
        assert shown["refusal"]["rule"] == "downgrade"
        code, answer = await bed.install(shown["releaseId"], **old)
        assert (code, answer["rule"]) == (422, "downgrade")
        assert "acme-panel 1.0.0 is older than 1.1.0" in answer["detail"]
        assert "--allow-downgrade" in answer["hint"]
        # Somebody who may install says so: once, and in the audit log.
        params = {"consent": shown["releaseId"], "allowDowngrade": True}
        allowed = await bed.client.post("/api/v1/plugins", params=params, json=bed.definition(**old))
        assert allowed.status_code == 201, allowed.text
    audit = (await bed.client.get("/api/v1/audit")).json()["entries"]
    told = [entry for entry in audit if entry["facts"].get("allow_downgrade")]
    assert [entry["status"] for entry in told if entry["phase"] == "done"] == [201, 201]
    assert len(told) < len([entry for entry in audit if entry["act"] == "installPlugin"])


async def test_a_rollout_goes_below_the_floor_only_where_someone_says_so(bed: Bed) -> None:
    bed.policy(ALLOW_UNSIGNED)

    async def roll(version: str, **more: Any) -> tuple[int, dict[str, Any]]:
        asked = {"version": version, **more}
        answer = await bed.client.post("/api/v1/plugins/acme-panel/rollouts", json=asked)
        return answer.status_code, dict(answer.json())

    async def at(version: str) -> None:
        async def there() -> bool:
            live = (await bed.client.get("/api/v1/rollouts")).json()["rollouts"]
            return not live and bool((await bed.running.plugin("acme-panel"))["version"] == version)

        await until(there, f"the plugin to be at {version}")

    await bed.in_service()
    quick = {"minHealthy": 0, "bake": 0, "drain": 0}
    path = "/api/v1/plugins/acme-panel/rollout-defaults"
    (await bed.client.put(path, json=quick)).raise_for_status()
    code, answer = await roll("2.0.0")
    assert code == 201, answer
    await at("2.0.0")
    # What is kept here may be gone back to; the floor stays where it was.
    (await bed.client.post("/api/v1/plugins/acme-panel/rollback")).raise_for_status()
    await at("1.0.0")
    code, answer = await roll("1.5.0")
    assert (code, answer["rule"]) == (422, "downgrade")
    code, answer = await roll("1.5.0", allowDowngrade=True)
    assert code == 201, answer
    await at("1.5.0")


async def test_a_locked_version_goes_neither_back_nor_on(bed: Bed) -> None:
    """Under lockVersion no good signature counts, in whatever way the other version comes."""
    acme = generate()
    bed.policy(trusting(acme))
    locked = {"version": "1.1.0", "signature": signature(acme, "1.1.0"), "lockVersion": True}
    assert (await bed.in_service(**locked))["pinned"] is True
    for number, refusal in (("1.0.0", 422), ("1.2.0", 409)):
        for yes in (False, True):
            asked = {"version": number, "yes": yes}
            answer = await bed.client.post("/api/v1/plugins/acme-panel/rollouts", json=asked)
            assert (answer.status_code, answer.json()["type"]) == (409, "urn:plugway:problem:pinned")
        other = {"version": number, "signature": signature(acme, number)}
        shown = await bed.preview(**other)
        code, _ = await bed.install(shown["releaseId"], **other)
        assert code == refusal, "older than what is in use, or installed already"
    view = await bed.running.plugin("acme-panel")
    assert (view["version"], view["pinned"], view["state"]) == ("1.1.0", True, "healthy")


async def test_a_revoked_key_marks_what_runs_and_lets_nothing_new_in(bed: Bed) -> None:
    acme = generate()
    bed.policy(trusting(acme))
    view = await bed.in_service(signature=signature(acme))
    revoked = f"""
[signers.acme]
plugins = ["acme-*"]
[[signers.acme.keys]]
public = "{acme.public.line}"
revoked = {{ at = 2020-01-01T00:00:00Z, reason = "lost" }}
"""
    bed.policy(revoked)

    async def marked() -> bool:
        return bool((await bed.trust())["course"] == "keep")

    await until(marked, "the plugin to be marked")
    trust = await bed.trust()
    assert trust["verified"] is False
    assert "revoked" in trust["refusal"]
    assert (await bed.running.plugin("acme-panel"))["state"] == "healthy"
    assert (await bed.client.get("/plugins/acme-panel/ui/index.js")).status_code == 200
    bed.policy('revoked_running = "stop"\n' + revoked)
    await bed.running.in_state("acme-panel", "disabled")
    # Switched on again by hand, it is still not started.
    await bed.client.post("/api/v1/plugins/acme-panel/enable")

    async def refused() -> bool:
        found = await bed.running.plugin("acme-panel")
        return bool(found["state"] in ("disabled", "quarantined"))

    await until(refused, "the plugin to stay stopped")
    bed.policy(trusting(acme))
    for act in ("enable", "restart"):
        (await bed.client.post(f"/api/v1/plugins/acme-panel/{act}")).raise_for_status()
    again = await bed.running.healthy("acme-panel")
    assert again["releaseId"] == view["releaseId"]


async def test_a_policy_that_does_not_hold_stops_nothing_and_lets_nothing_in(bed: Bed) -> None:
    acme = generate()
    bed.policy(trusting(acme))
    await bed.in_service(signature=signature(acme))
    bed.policy("this is = not [ TOML")
    code, answer = await bed.install(id="acme-other")
    assert (code, answer["type"]) == (422, "urn:plugway:problem:bad-policy")
    assert (await bed.running.plugin("acme-panel"))["state"] == "healthy"


async def test_verify_looks_at_everything_anew(bed: Bed) -> None:
    acme = generate()
    bed.policy(trusting(acme))
    await bed.in_service(signature=signature(acme))
    token = (bed.running.home / "admin.token").read_text().strip()
    by_hand = {"PLUGWAY_URL": bed.running.base, "PLUGWAY_TOKEN": token}
    ran = await plugway("verify", **by_hand)
    assert ran.code == 0, ran.out
    assert "Signed by acme" in ran.out
    [directory] = (p for p in (bed.running.home / "external").iterdir() if p.name != "tmp")
    (directory / "ui" / "index.js").write_bytes(MODULE + b"// more")
    ran = await plugway("verify", "acme-panel", "--json", **by_hand)
    assert ran.code != 0
    assert '"ok": false' in ran.out


async def test_the_command_line_shows_it_and_asks(bed: Bed, tmp_path: Path) -> None:
    bed.policy(ALLOW_UNSIGNED)
    token = (bed.running.home / "admin.token").read_text().strip()
    by_hand = {"PLUGWAY_URL": bed.running.base, "PLUGWAY_TOKEN": token}
    file = tmp_path / "panel.json"
    file.write_text(json.dumps(bed.definition()))
    ran = await plugway("install", str(file), **by_hand)
    assert (ran.code, "--yes" in ran.err) == (2, True)
    assert "unsigned" in ran.out
    assert "from cdn, external." in ran.out
    ran = await plugway("install", str(file), "--yes", **by_hand)
    assert ran.code == 0, ran.err
