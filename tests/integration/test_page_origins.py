"""Further origins of a page: bounded by the ceiling, agreed to, held at an update, and in the header."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.trust.envelope import dump_envelope, sign_payload
from gateway.trust.keys import PrivateKey, generate
from gateway.trust.statement import ReleaseLock, make_statement
from tests.command import plugway
from tests.e2e.test_page_origins import write_gallery
from tests.fakes.serving import serving
from tests.fakes.web import Page, Web
from tests.running import RunningGateway, gateway, until

pytestmark = pytest.mark.timeout(180)
TILES, FILMS = "img-src https://tiles.example", "media-src https://films.example:8443"


def package(*origins: str) -> bytes:
    said = {
        "name": "panel",
        "version": "1.0.0",
        "type": "module",
        "plugway": {"permissions": {"origins": origins}},
    }
    files = {"package.json": json.dumps(said).encode(), "index.js": b"export function mount() {}\n"}
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return written.getvalue()


def signature(key: PrivateKey, content: bytes, csp: dict[str, list[str]]) -> str:
    lock = ReleaseLock.model_validate(
        {
            "plugin": "acme-panel",
            "version": "1.0.0",
            "uiType": "static",
            "csp": csp,
            "signedAt": datetime.now(UTC).replace(microsecond=0),
        }
    )
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return base64.b64encode(
        dump_envelope(sign_payload(make_statement({"archive": digest}, lock), (key,)))
    ).decode()


def trusting(home: Path, key: PrivateKey, csp: str = "", more: str = "") -> None:
    home.mkdir(exist_ok=True)
    (home / "policy.toml").write_text(
        f'policy = 1\n{more}\n[signers.acme]\nplugins = ["acme-*"]\npermissions = {{ {csp} }}\n'
        f'keys = [{{ public = "{key.public.line}" }}]\n'
    )


async def page_policy(running: RunningGateway, plugin: str) -> dict[str, list[str]]:
    answer = (await running.client.get(f"/plugins/{plugin}/ui/")).raise_for_status()
    parts = (part.split(" ") for part in answer.headers.get_list("content-security-policy")[0].split("; "))
    return {part[0]: part[1:] for part in parts}


async def test_a_signer_grants_no_more_than_the_policy_lets_and_somebody_agrees(tmp_path: Path) -> None:
    home, key, content, web = tmp_path / "h", generate(), package(TILES), Web()
    web.pages["/panel.tgz"] = Page(content)
    lock = {"img-src": ["https://tiles.example"]}
    trusting(home, key)
    async with serving(web) as base, gateway(home, settings={"PLUGWAY_FETCH_ALLOW": "127.0.0.1"}) as running:
        client = running.client
        definition: dict[str, Any] = {
            "id": "acme-panel",
            "version": "1.0.0",
            "source": "cdn",
            "uiConfig": {"packageUrl": f"{base}/panel.tgz"},
            "checksum": f"sha256:{hashlib.sha256(content).hexdigest()}",
        }
        signed = {**definition, "signature": signature(key, content, lock)}
        for ceiling in ("", 'csp = { img-src = ["https://*.acme.example"] }', 'csp = { media-src = ["*"] }'):
            trusting(home, key, ceiling)
            refused = (await client.post("/api/v1/plugins", json=signed)).json()
            assert (refused["rule"], refused["signer"]) == ("signer-permissions", "acme")
            assert refused["keys"] == [key.public.id]
            assert TILES in refused["detail"]

        trusting(home, key, 'csp = { img-src = ["https://tiles.example"] }')
        unlisted = {**definition, "signature": signature(key, content, {})}
        refused = (await client.post("/api/v1/plugins", json=unlisted)).json()
        assert refused["rule"] == "permissions-beyond-lock"

        shown = (await client.post("/api/v1/plugins/preview", json=signed)).raise_for_status().json()
        assert shown["permissions"]["origins"] == [TILES]
        asked = await client.post("/api/v1/plugins", json=signed)
        assert asked.status_code == 409
        assert "Its page may load pictures from https://tiles.example." in asked.json()["detail"]
        file = tmp_path / "panel.json"
        file.write_text(json.dumps(signed))
        by_hand = {"PLUGWAY_URL": running.base, "PLUGWAY_HOME": str(home)}
        told = await plugway("install", str(file), "--yes", **by_hand)
        assert told.code == 0, told.err
        assert "Its page may load pictures from https://tiles.example, which learns who looks" in told.out

        await running.healthy("acme-panel")
        policy = await page_policy(running, "acme-panel")
        assert policy["img-src"][-1] == "https://tiles.example"
        assert not any(
            "tiles.example" in " ".join(said) for name, said in policy.items() if name != "img-src"
        )
        assert policy["connect-src"] == ["'none'"]


async def test_what_nobody_signed_has_no_further_origins(tmp_path: Path) -> None:
    home, content, web = tmp_path / "h", package(TILES), Web()
    web.pages["/panel.tgz"] = Page(content)
    trusting(home, generate(), more='allow_unsigned = [{ plugins = ["*"] }]')
    async with serving(web) as base, gateway(home, settings={"PLUGWAY_FETCH_ALLOW": "127.0.0.1"}) as running:
        definition = {
            "id": "odd-panel",
            "version": "1.0.0",
            "source": "cdn",
            "uiConfig": {"packageUrl": f"{base}/panel.tgz"},
            "checksum": f"sha256:{hashlib.sha256(content).hexdigest()}",
        }
        refused = (await running.client.post("/api/v1/plugins", json=definition)).json()
        assert refused["rule"] == "signer-permissions"
        assert "load pictures from https://tiles.example" in refused["detail"]
        web.pages["/panel.tgz"] = Page(bad := package("script-src https://tiles.example"))
        definition["checksum"] = f"sha256:{hashlib.sha256(bad).hexdigest()}"
        refused = (await running.client.post("/api/v1/plugins", json=definition)).json()
        assert "must begin with img-src or media-src" in refused["detail"]


async def test_an_update_that_asks_for_another_origin_is_held(tmp_path: Path) -> None:
    write_gallery(tmp_path / "one", [TILES])
    write_gallery(tmp_path / "two", [TILES, FILMS])
    for path in (tmp_path / "two" / "gallery").iterdir():
        if path.is_file():
            path.write_text(path.read_text().replace("1.0.0", "1.1.0"))
    settings = {"PLUGWAY_PLUGIN_PATH": f"{tmp_path / 'one'}:{tmp_path / 'two'}"}
    async with gateway(tmp_path / "h", settings=settings) as running:
        client = running.client
        (await client.post("/api/v1/plugins", json={"id": "gallery", "version": "1.0.0"})).raise_for_status()
        await running.healthy("gallery")
        asked = {"version": "1.1.0", "minHealthy": 0.1, "bake": 0.1}
        begun = (await client.post("/api/v1/plugins/gallery/rollouts", json=asked)).raise_for_status().json()

        async def held() -> Any:
            return (await client.get(f"/api/v1/rollouts/{begun['id']}")).json()["heldFor"]

        assert await until(held, "the rollout to be held") == [
            "new permission: its page may load sound and video from https://films.example:8443"
        ]
        assert "https://films.example:8443" not in (await page_policy(running, "gallery"))["media-src"]
        moving = (await client.get(f"/api/v1/rollouts/{begun['id']}")).json()
        by_name = {"x-plugway-release": moving["candidate"]["releaseId"]}
        asked_for = (await client.get("/plugins/gallery/ui/", headers=by_name)).headers
        assert "films.example" not in asked_for["content-security-policy"], "nor by its name"
        await client.post(f"/api/v1/rollouts/{begun['id']}/promote", json={"yes": True})

        async def moved() -> bool:
            return "https://films.example:8443" in (await page_policy(running, "gallery"))["media-src"]

        await until(moved, "the page of the new version")
