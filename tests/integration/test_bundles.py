"""Plugins carried as a file from one gateway to another whose sources are all away."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import socket
import tarfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.command import Ran, plugway
from tests.fakes.npm_registry import Registry, package
from tests.fakes.serving import serving
from tests.fakes.unsigned import allow_unsigned, install_agreed
from tests.fakes.web import Page
from tests.running import RunningGateway, gateway, until
from tests.signing import ONE, STRANGER, envelope, lock

pytestmark = pytest.mark.timeout(180)
NAME = "@acme/panel"
AWAY = {"PLUGWAY_NPM_REGISTRY": "https://away.invalid", "PLUGWAY_FETCH_ALLOW": "127.0.0.1"}
MODULE = b"export function mount(root) { root.textContent = 'from a cdn'; }\n"
ALL = ("panel", "board", "proxy")


@dataclass
class Origin:
    """The site with a network: one plugin of each kind is installed, and lies in ``bundle``."""

    bundle: Path
    releases: dict[str, str]

    @property
    def npm_keys(self) -> Path:
        """The registry's keys, which the other site has by another way."""
        return self.bundle.with_name("npm-keys.json")

    def parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The list, and the files by name."""
        with tarfile.open(self.bundle) as tar:
            found = {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]
        return json.loads(found.pop("manifest.json")), found

    def write(self, target: Path, manifest: dict[str, Any], files: dict[str, bytes]) -> Path:
        """Another bundle, as somebody on the way would make it."""
        with tarfile.open(target, "w") as tar:
            for name, content in {"manifest.json": json.dumps(manifest).encode(), **files}.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return target


async def told(running: RunningGateway, *words: str) -> Ran:
    token = (running.home / "admin.token").read_text().strip()
    return await plugway(*words, PLUGWAY_URL=running.base, PLUGWAY_TOKEN=token)


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Origin:
    """What the plugins were installed from is away when this is handed out."""
    return asyncio.run(_exported(tmp_path_factory.mktemp("origin")))


async def _exported(root: Path) -> Origin:
    home, bundle = root / "home", root / "plugins.bundle"
    allow_unsigned(home, *ALL)
    trust(home, ONE.public.line)
    registry = Registry()
    tarball = package(NAME, "1.0.0")
    said = lock(plugin="panel", version="1.0.0", permissions={})
    signature = envelope(said=said, subjects={"archive": f"sha256:{hashlib.sha256(tarball).hexdigest()}"})
    async with serving(registry.web) as registry.base:
        registry.publish(NAME, "1.0.0", tarball)
        registry.show_keys()
        (root / "npm-keys.json").write_bytes(registry.listed_keys())
        registry.web.pages["/panel.json"] = Page(signature)
        registry.web.pages["/board.js"] = Page(MODULE)
        settings = {"PLUGWAY_NPM_REGISTRY": registry.base, "PLUGWAY_FETCH_ALLOW": "127.0.0.1"}
        async with gateway(home, settings=settings) as running:
            for definition in _definitions(registry.base):
                await install_agreed(running, definition)
            asked = len(registry.web.asked)
            ran = await told(running, "bundle", "export", *ALL, "-o", str(bundle))
            assert ran.code == 0, ran
            assert len(registry.web.asked) == asked
            return Origin(bundle, {id_: await release(running, id_) for id_ in ALL})


async def release(running: RunningGateway, id_: str) -> str:
    view = (await running.client.get(f"/api/v1/plugins/{id_}/releases")).raise_for_status().json()
    return str(view["releases"][0]["id"])


def _definitions(web: str) -> Iterator[dict[str, Any]]:
    yield {
        "id": "panel",
        "source": "npm",
        "uiConfig": {"packageName": NAME, "version": "^1.0.0"},
        "signature": f"{web}/panel.json",
    }
    yield {
        "id": "board",
        "version": "1.0.0",
        "source": "cdn",
        "uiConfig": {"componentUrl": f"{web}/board.js"},
        "checksum": f"sha256:{hashlib.sha256(MODULE).hexdigest()}",
    }
    yield {"id": "proxy", "version": "1.0.0", "source": "remote", "apiBaseUrl": "http://127.0.0.1:9/v1"}


def trust(home: Path, key: str) -> None:
    policy = home / "policy.toml"
    signer = f'\n[signers.acme]\nplugins = ["panel"]\nkeys = [{{ public = "{key}" }}]\n'
    policy.write_text(policy.read_text() + signer)


def site(tmp_path: Path, *unsigned: str, key: str = "") -> Path:
    """The home of a gateway with a policy of its own."""
    home = tmp_path / "site"
    allow_unsigned(home, *unsigned)
    if key:
        trust(home, key)
    return home


async def ids(running: RunningGateway) -> list[str]:
    return [plugin["id"] for plugin in (await running.client.get("/api/v1/plugins")).json()["plugins"]]


def left(home: Path) -> list[str]:
    """What lies half done in the home."""
    work = home / "external" / "tmp"
    return [path.name for path in work.iterdir()] if work.exists() else []


async def test_a_bundle_brings_plugins_to_a_site_that_can_fetch_nothing(
    tmp_path: Path, origin: Origin
) -> None:
    home = site(tmp_path, "board", "proxy", key=ONE.public.line)
    signed = {"PLUGWAY_NPM_SIGNATURES": "required", "PLUGWAY_NPM_KEYS": str(origin.npm_keys)}
    async with gateway(home, settings={**AWAY, **signed}) as running:
        ran = await told(running, "bundle", "import", str(origin.bundle))
        # Nobody is at the terminal to agree.
        assert ran.code == 2, ran
        assert "Signed by acme" in ran.out
        assert await ids(running) == []
        ran = await told(running, "bundle", "import", str(origin.bundle), "--yes")
        assert ran.code == 0, ran
        assert "Signed by acme" in ran.out
        assert "It may connect to 127.0.0.1:9." in ran.out
        assert "unsigned, let in by allow_unsigned" in ran.out
        for id_ in ALL:
            await running.healthy(id_)
            # Made anew from what was fetched then, it is the very same release.
            assert await release(running, id_) == origin.releases[id_]
        page = await running.client.get("/plugins/panel/ui/index.js")
        assert "page 1.0.0" in page.raise_for_status().text
        page = await running.client.get("/plugins/board/ui/index.js")
        assert page.raise_for_status().content == MODULE
        ran = await told(running, "verify", "panel", "--json")
        assert ran.code == 0, ran
        checks = {check["what"]: check["ok"] for check in json.loads(ran.out)["checks"]}
        assert (checks["artefact"], checks["trust"], checks["registry"]) == (True, True, True)
        again = await told(running, "bundle", "import", str(origin.bundle), "--yes")
        assert again.code == 0, again
        # It can be carried on from here.
        onward = tmp_path / "onward.bundle"
        ran = await told(running, "bundle", "export", *ALL, "-o", str(onward))
        assert ran.code == 0, ran
        assert onward.read_bytes() == origin.bundle.read_bytes()
        assert left(home) == []


async def test_one_plugin_of_a_bundle(tmp_path: Path, origin: Origin) -> None:
    home = site(tmp_path, "board")
    async with gateway(home, settings=AWAY) as running:
        ran = await told(running, "bundle", "import", str(origin.bundle), "nothing", "--yes")
        assert (ran.code, "It holds: panel, board, proxy" in ran.err) == (4, True), ran
        ran = await told(running, "bundle", "import", str(origin.bundle), "board", "--yes", "--json")
        assert (ran.code, ran.json) == (0, {"installed": ["board"]}), ran
        assert await ids(running) == ["board"]


@pytest.mark.parametrize("trusted", [STRANGER.public.line, ""], ids=["another key", "no key"])
async def test_the_policy_of_the_site_refuses_all_for_one(
    tmp_path: Path, origin: Origin, trusted: str
) -> None:
    home = site(tmp_path, "board", "proxy", key=trusted)
    async with gateway(home, settings=AWAY) as running:
        ran = await told(running, "bundle", "import", str(origin.bundle), "--yes")
        assert ran.code == 6, ran
        assert "panel" in ran.err
        # Past the command line, too.
        consents = {"consent": list(origin.releases.values())}
        body = origin.bundle.read_bytes()
        answer = await running.client.post("/api/v1/bundles", params=consents, content=body)
        assert answer.json()["type"] == "urn:plugway:problem:release-refused", answer.text
        assert await ids(running) == []
        assert left(home) == []


async def test_nothing_is_installed_without_consent_to_each(tmp_path: Path, origin: Origin) -> None:
    home = site(tmp_path, *ALL, key=ONE.public.line)
    async with gateway(home, settings=AWAY) as running:
        consents = {"consent": [origin.releases["panel"], origin.releases["proxy"]]}
        body = origin.bundle.read_bytes()
        answer = await running.client.post("/api/v1/bundles", params=consents, content=body)
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:plugway:problem:consent-needed"
        assert (answer.json()["plugin"], answer.json()["consent"]) == ("board", origin.releases["board"])
        assert await ids(running) == []


async def test_what_was_changed_on_the_way_is_refused(tmp_path: Path, origin: Origin) -> None:
    home, bad = site(tmp_path, "board", "proxy", key=ONE.public.line), tmp_path / "bad.bundle"
    manifest, files = origin.parts()
    panel = next(plugin for plugin in manifest["plugins"] if plugin["definition"]["id"] == "panel")
    name = f"files/{panel['file'].removeprefix('sha256:')}"
    evil = package(NAME, "1.0.0", description="evil")
    evil_digest = hashlib.sha256(evil).hexdigest()

    def told_anew(**changes: Any) -> dict[str, Any]:
        mine = {**panel, **changes}
        return {**manifest, "plugins": [mine if one is panel else one for one in manifest["plugins"]]}

    def cut() -> bytes:
        return origin.bundle.read_bytes()[:-3000]

    others = {other: content for other, content in files.items() if other != name}
    async with gateway(home, settings=AWAY) as running:

        async def refused(why: str) -> None:
            ran = await told(running, "bundle", "import", str(bad), "--yes")
            assert ran.code == 6, ran
            assert why in ran.err, ran
            assert await ids(running) == []
            assert left(home) == []

        origin.write(bad, manifest, {**files, name: evil})
        await refused("another digest than its name says")
        # Whoever changes name and list as well still lacks the keys of registry and signer.
        swapped = {**others, f"files/{evil_digest}": evil}
        origin.write(bad, told_anew(file=f"sha256:{evil_digest}"), swapped)
        await refused("not the one that its registry signed")
        origin.write(bad, told_anew(file=f"sha256:{evil_digest}", registry=None), swapped)
        await refused("Not what was signed: archive")
        origin.write(bad, told_anew(file=f"sha256:{evil_digest}", registry=None, envelope=""), swapped)
        await refused("is not signed")
        origin.write(bad, told_anew(version="2.0.0"), files)
        await refused("It is offered as @acme/panel 2.0.0")
        origin.write(bad, manifest, others)
        await refused("Its list and its files differ")
        origin.write(bad, manifest, {**files, "files/../../policy.toml": b""})
        await refused("Its file names do not hold")
        origin.write(bad, {**manifest, "format": 2}, files)
        await refused("It is of the format '2'")
        bad.write_bytes(cut())
        await refused("")
        bad.write_bytes(b"no bundle at all" * 100)
        await refused("")


async def test_an_import_that_breaks_off_leaves_nothing(tmp_path: Path, origin: Origin) -> None:
    home = site(tmp_path, *ALL)
    body = origin.bundle.read_bytes()
    async with gateway(home, settings=AWAY) as running:
        with half_sent(running, body) as half:
            await until(lambda: left(home), "the upload to arrive")
            half.close()
        await until(lambda: not left(home), "the rest of it to go")
        assert not [line for line in running.lines if "Traceback" in line]
        with half_sent(running, body):
            await until(lambda: left(home), "the upload to arrive")
            await running.kill()
        assert left(home)
    async with gateway(home, settings=AWAY) as running:
        assert left(home) == []
        assert await ids(running) == []


@contextmanager
def half_sent(running: RunningGateway, body: bytes) -> Iterator[Any]:
    host, _, port = running.base.removeprefix("http://").partition(":")
    token = (running.home / "admin.token").read_text().strip()
    head = (
        f"POST /api/v1/bundles HTTP/1.1\r\nhost: {host}:{port}\r\nauthorization: Bearer {token}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + body[: len(body) // 2])
        yield connection


async def test_an_upload_has_a_limit_and_needs_an_admin(tmp_path: Path) -> None:
    home = site(tmp_path)
    async with gateway(home, settings={**AWAY, "PLUGWAY_BUNDLE_BYTES": str(2**20)}) as running:

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield bytes(2**16)
                await asyncio.sleep(0)

        answer = await running.client.post("/api/v1/bundles/preview", content=endless())
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:plugway:problem:body-too-large")
        assert left(home) == []
        nobody = {"authorization": "Bearer wrong"}
        answer = await running.client.post("/api/v1/bundles", content=b"x", headers=nobody)
        assert answer.status_code == 401


async def test_what_a_bundle_does_not_hold_is_told_before_anything_is_written(tmp_path: Path) -> None:
    file = tmp_path / "x.bundle"
    async with gateway(tmp_path / "h", settings={"PLUGWAY_INSTALL": "notes"}) as running:
        ran = await told(running, "bundle", "export", "notes", "-o", str(file))
        assert ran.code == 1, ran
        assert "shipped with the gateway" in ran.err
        assert (await told(running, "bundle", "export", "gone", "-o", str(file))).code == 4
        assert not file.exists()
        assert [path.name for path in tmp_path.iterdir()] == ["h"]


async def test_a_package_that_was_not_kept_is_told(tmp_path: Path, origin: Origin) -> None:
    home = site(tmp_path, *ALL, key=ONE.public.line)
    async with gateway(home, settings=AWAY) as running:
        assert (await told(running, "bundle", "import", str(origin.bundle), "--yes")).code == 0
        (archive,) = (path for path in (home / "packages").iterdir() if not path.suffix)
        archive.write_bytes(b"damaged")
        ran = await told(running, "bundle", "export", "panel", "-o", str(tmp_path / "x"))
        assert "is damaged here" in ran.err, ran
        archive.unlink()
        ran = await told(running, "bundle", "export", "panel", "-o", str(tmp_path / "x"))
        assert "is not here any more" in ran.err, ran
        assert ran.code != 0
        assert not (tmp_path / "x").exists()
        archive.touch()
        (await running.client.delete("/api/v1/plugins/panel")).raise_for_status()
    async with gateway(home, settings=AWAY):
        # It goes with the plugin.
        assert not archive.exists()
