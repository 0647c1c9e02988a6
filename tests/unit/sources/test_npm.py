"""Plugins from npm packages, from a registry that signs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from gateway.definition import parse_definition
from gateway.errors import BadInput, PlugwayError
from gateway.model import DirectoryArtifact, Release, Source, Tier, UiType
from gateway.sources.addresses import AllowList
from gateway.sources.archive import ArchiveRefused
from gateway.sources.base import NotInCatalog
from gateway.sources.external import ExternalPlugins, archive_of
from gateway.sources.fetch import Fetcher
from gateway.sources.npm import NpmSource
from gateway.sources.npm_config import BadNpmConfig, NoNpmRegistry, read_npm_config
from gateway.sources.npm_proof import BadNpmKeys
from gateway.sources.npm_registry import WeakIntegrity
from gateway.sources.npm_signatures import BadRegistrySignature
from gateway.sources.package_json import BadPackage
from gateway.sources.store import DigestMismatch
from gateway.sources.vouched import Vouched
from gateway.trust.verify import verify_release
from tests.fakes.npm_registry import KEY_ID, Registry, package, tarball
from tests.fakes.serving import serving
from tests.fakes.web import Page

NAME = "@acme/panel"


@dataclass
class Bed:
    registry: Registry
    root: Path
    npm_config: Path | None = None
    signatures: Literal["required", "if-offered"] = "if-offered"
    keys: Path | None = None

    @property
    def source(self) -> NpmSource:
        fetcher = Fetcher(AllowList(hosts=frozenset({"127.0.0.1"})), timeout=10, max_bytes=2**24)
        return NpmSource(
            ExternalPlugins(self.root / "external", fetcher),
            registry="" if self.npm_config else self.registry.base,
            npm_config=self.npm_config,
            signatures=self.signatures,
            keys=self.keys,
        )

    async def signed_by(self) -> str:
        """Installs the newest; the words of who is kept as its signer, empty for nobody."""
        release = await self.resolve()
        ok, words = await self.source.check(release)
        return words if ok else ""

    def write_keys(self, registry: Registry | None = None, expires: str | None = None) -> None:
        """As the operator of a site without network lays them there."""
        self.keys = self.root / "keys.json"
        self.keys.write_bytes((registry or self.registry).listed_keys(expires))

    async def carried(self, said: Vouched, content: bytes | None = None, id_: str = "panel") -> Release:
        """Read from a bundle at a site that asks no registry."""
        external = ExternalPlugins(self.root / "external", self.source._external.fetcher)
        asked = len(self.registry.web.asked)
        definition = parse_definition({"id": id_, "source": "npm", "uiConfig": {"packageName": NAME}})
        async with external.workplace() as place:
            file = place / "carried.tgz"
            file.write_bytes(content or package(NAME, "1.0.0"))
            found = await asyncio.to_thread(
                self.source.read, definition, "1.0.0", file, place / "files", said
            )
            release = await external.publish(definition, found, place)
        assert len(self.registry.web.asked) == asked
        return release

    async def resolve(self, wanted: str = "", **fields: Any) -> Release:
        source = self.source
        document = {
            "id": "panel",
            "source": "npm",
            "uiConfig": {"packageName": NAME, "version": wanted},
            **fields,
        }
        return await source.resolve(parse_definition(document))

    def published(self) -> list[str]:
        """What lies under a digest."""
        root = self.root / "external"
        return [path.name for path in root.iterdir() if path.name != "tmp"] if root.exists() else []

    def left(self) -> list[Path]:
        return list((self.root / "external" / "tmp").iterdir())


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    registry = Registry()
    async with serving(registry.web) as base:
        registry.base = base
        registry.show_keys()
        yield Bed(registry, tmp_path)


def directory(release: Release) -> Path:
    assert isinstance(release.artifact, DirectoryArtifact)
    return Path(release.artifact.path)


def origin(release: Release) -> dict[str, Any]:
    return dict(json.loads((directory(release) / "origin.json").read_text()))


async def test_a_package_becomes_a_release_that_can_be_verified(bed: Bed) -> None:
    bed.registry.publish(NAME, "1.2.0", package(NAME, "1.2.0", description="Shows things."))
    release = await bed.resolve("^1.0.0", name="Panel")
    assert (release.version, release.name, release.source) == ("1.2.0", "Panel", Source.NPM)
    assert (release.tier, release.ui_type, release.signer) == (Tier.EXTERNAL, UiType.STATIC, "")
    assert not release.permissions
    assert await verify_release(release) == release
    where = directory(release)
    assert where.name == release.artifact.digest.removeprefix("sha256:")  # type: ignore[union-attr]
    assert (where / "ui" / "index.js").read_text().startswith("export function mount")
    assert KEY_ID in (await bed.source.check(release))[1]
    assert bed.left() == []


async def test_the_same_package_is_the_same_release(bed: Bed) -> None:
    bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0"))
    first, second = await bed.resolve(), await bed.resolve()
    assert first == second
    assert len(bed.published()) == 1


async def test_a_directory_that_was_harmed_is_put_right_by_installing_again(bed: Bed) -> None:
    bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0"))
    release = await bed.resolve()
    (directory(release) / "ui" / "index.js").write_text("")
    assert await verify_release(await bed.resolve()) == release


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("", "2.0.0"),
        ("latest", "2.0.0"),
        ("next", "3.0.0-rc.1"),
        ("^1.0.0", "1.10.0"),
        ("~1.2", "1.2.3"),
        ("1.x || >=2.0.0 <2.1", "2.0.0"),
        (">= 1.2.0 < 1.10.0", "1.2.3"),
        ("1.0.0 - 1.5.0", "1.2.3"),
        ("^3.0.0-rc.0", "3.0.0-rc.1"),
        ("=1.2.3", "1.2.3"),
        ("1.2.3", "1.2.3"),
    ],
)
async def test_versions_are_chosen_by_the_rules_of_npm(bed: Bed, wanted: str, got: str) -> None:
    for version in ("1.0.0", "1.2.3", "1.10.0", "3.0.0-rc.1", "2.0.0"):
        bed.registry.publish(NAME, version, package(NAME, version))
    bed.registry.documents[NAME]["dist-tags"]["next"] = "3.0.0-rc.1"
    assert (await bed.resolve(wanted)).version == got


@pytest.mark.parametrize("wanted", ["^4.0.0", "9.9.9", "no-such-tag", "^3.0.0", "((((", "x" * 300])
async def test_a_version_that_is_not_there_is_named(bed: Bed, wanted: str) -> None:
    bed.registry.publish(NAME, "3.0.0-rc.1", package(NAME, "3.0.0-rc.1"))
    with pytest.raises(NotInCatalog) as caught:
        await bed.resolve(wanted)
    assert "3.0.0-rc.1" in caught.value.hint


async def test_the_definitions_version_goes_before_that_of_its_page(bed: Bed) -> None:
    for version in ("1.0.0", "2.0.0"):
        bed.registry.publish(NAME, version, package(NAME, version))
    config = {"packageName": NAME, "version": "^1.0.0"}
    assert (await bed.resolve(uiConfig=config)).version == "1.0.0"
    assert (await bed.resolve(uiConfig=config, version="2.0.0")).version == "2.0.0"


@pytest.mark.parametrize("url", [f"npm:{NAME}@^1.0.0", "npm:plain@1.0.0", "npm:plain"])
async def test_a_source_url_names_a_package_too(bed: Bed, url: str) -> None:
    for name in (NAME, "plain"):
        bed.registry.publish(name, "1.0.0", package(name, "1.0.0"))
    release = await bed.resolve(source="external", sourceUrl=url, uiConfig=None)
    assert release.version == "1.0.0"
    assert origin(release)["package"] == (NAME if NAME in url else "plain")


async def test_a_tag_that_is_moved_later_moves_no_release(bed: Bed) -> None:
    bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0"))
    before = await bed.resolve("latest")
    bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0", description="other bytes"))
    assert await verify_release(before) == before
    assert (await bed.resolve("latest")).id != before.id


# What is refused ------------------------------------------------------------------

Spoil = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda dist: dist.pop("integrity"), WeakIntegrity),
        (lambda dist: dist.update(integrity="sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="), WeakIntegrity),
        (lambda dist: dist.update(integrity="sha512-AAAA"), WeakIntegrity),
        (lambda dist: dist.update(integrity="sha512-" + "A" * 86 + "=="), BadRegistrySignature),
        (lambda dist: dist.update(integrity="sha512-" + "A" * 86 + "==", signatures=[]), DigestMismatch),
        (lambda dist: dist["signatures"][0].update(sig="AAAA"), BadRegistrySignature),
        (lambda dist: dist["signatures"][0].update(keyid="SHA256:other"), BadRegistrySignature),
    ],
)
async def test_digests_and_signatures_that_do_not_hold(
    bed: Bed, spoil: Spoil, error: type[PlugwayError]
) -> None:
    spoil(bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0")))
    with pytest.raises(error):
        await bed.resolve()
    assert bed.published() == []


async def test_a_signature_of_another_version_does_not_hold(bed: Bed) -> None:
    old = bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0"))
    new = bed.registry.publish(NAME, "1.0.1", package(NAME, "1.0.1"))
    new["signatures"] = old["signatures"]
    with pytest.raises(BadRegistrySignature, match=r"1\.0\.1"):
        await bed.resolve()


async def test_what_is_signed_by_an_expired_key_counts_if_it_was_published_before(bed: Bed) -> None:
    bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0"))
    bed.registry.show_keys(expires="2026-06-01T00:00:00.000Z")
    assert KEY_ID in await bed.signed_by()
    bed.registry.show_keys(expires="2025-06-01T00:00:00.000Z")
    with pytest.raises(BadRegistrySignature):
        await bed.resolve()


async def test_unsigned_packages_are_refused_where_signatures_are_required(bed: Bed) -> None:
    bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0"), sign=False)
    assert await bed.signed_by() == ""
    bed.signatures = "required"
    with pytest.raises(BadRegistrySignature, match="did not sign"):
        await bed.resolve()
    bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0"))
    assert KEY_ID in await bed.signed_by()
    del bed.registry.web.pages["/-/npm/v1/keys"]
    with pytest.raises(BadRegistrySignature, match="no keys"):
        await bed.resolve()


async def test_what_a_registry_signed_can_be_shown_again_where_nobody_asks_it(bed: Bed) -> None:
    bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0"))
    here = await bed.resolve()
    said = await bed.source.vouched(here)
    assert [one["keyid"] for one in said.signatures] == [KEY_ID]
    bed.signatures = "required"
    with pytest.raises(BadRegistrySignature, match="PLUGWAY_NPM_KEYS"):
        await bed.carried(said)
    bed.write_keys()
    there = await bed.carried(said)
    assert there == here, "the same release, however it came"
    assert (await bed.source.check(there))[0] is True
    assert await bed.source.vouched(there) == said, "it can be carried on"
    archive_of(directory(there)).write_bytes(package(NAME, "1.0.0", description="other"))
    assert (await bed.source.check(there))[0] is False


async def test_what_came_without_keys_is_not_called_signed(bed: Bed) -> None:
    bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0"))
    said = await bed.source.vouched(await bed.resolve())
    there = await bed.carried(said)
    assert (await bed.source.check(there))[0] is None
    # Keys that come later tell.
    bed.write_keys()
    assert (await bed.source.check(there))[0] is True
    bed.write_keys(Registry())
    assert (await bed.source.check(there))[0] is False


@pytest.mark.parametrize(
    "spoil",
    [
        lambda bed, said: bed.write_keys(Registry()),
        lambda bed, said: bed.write_keys(expires="2030-01-01T00:00:00.000Z"),
        lambda bed, said: said.signatures[0].update(sig=bed.registry.signature("another@1.0.0:sha512-x")),
        lambda bed, said: said.signatures[0].update(keyid="SHA256:other"),
        lambda bed, said: said.signatures[0].clear(),
    ],
    ids=["a stranger's keys", "a key that expires", "another text", "another key", "no key"],
)
async def test_a_carried_signature_that_does_not_hold(
    bed: Bed, spoil: Callable[[Bed, Vouched], object]
) -> None:
    bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0"))
    said = await bed.source.vouched(await bed.resolve())
    before = bed.published()
    bed.write_keys()
    spoil(bed, said)
    with pytest.raises(BadRegistrySignature):
        await bed.carried(said, id_="other")
    assert bed.published() == before


async def test_a_carried_signature_is_of_the_carried_file(bed: Bed) -> None:
    bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0"))
    said = await bed.source.vouched(await bed.resolve())
    for given in (False, True):
        if given:
            bed.write_keys()
        with pytest.raises(BadRegistrySignature, match="not the one that its registry signed"):
            await bed.carried(said, package(NAME, "1.0.0", description="other"))


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{"keys": []}', b'{"keys": [7]}'])
async def test_keys_that_cannot_be_read_are_told(bed: Bed, content: bytes | None) -> None:
    bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0"))
    bed.keys = bed.root / "keys.json"
    if content is not None:
        bed.keys.write_bytes(content)
    with pytest.raises(BadNpmKeys, match=r"keys\.json"):
        await bed.resolve()


async def test_the_tarballs_own_package_json_is_the_truth(bed: Bed) -> None:
    bed.registry.publish(NAME, "1.0.0", package(NAME, "6.6.6"))
    with pytest.raises(BadPackage, match=r"6\.6\.6"):
        await bed.resolve()
    bed.registry.publish(NAME, "1.0.0", package("@other/panel", "1.0.0"))
    with pytest.raises(BadPackage, match="@other/panel"):
        await bed.resolve()
    assert bed.published() == []


async def test_scripts_of_a_package_never_run(bed: Bed, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    scripts = dict.fromkeys(("preinstall", "install", "postinstall", "prepare"), f"touch {trace}")
    bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0", scripts=scripts))
    await bed.resolve()
    await asyncio.sleep(0.05)
    assert not trace.exists()


async def test_a_checksum_in_the_definition_is_compared(bed: Bed) -> None:
    bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0"))
    with pytest.raises(DigestMismatch) as caught:
        await bed.resolve(checksum="sha256:" + "0" * 64)
    right = caught.value.fields["/checksum"].removeprefix("is ")
    assert (await bed.resolve(checksum=right)).version == "1.0.0"


@pytest.mark.parametrize(
    ("files", "error", "words"),
    [
        ({"index.js": "export {}", "node_modules/x/index.js": ""}, BadInput, "packages within"),
        ({"index.js": "export {}", "../up.js": ""}, ArchiveRefused, "part"),
        ({"main.cjs": ""}, BadPackage, "no such file"),
    ],
)
async def test_packages_that_cannot_be_a_page(
    bed: Bed, files: dict[str, str], error: type[PlugwayError], words: str
) -> None:
    about = {"name": NAME, "version": "1.0.0", "exports": "./index.js"}
    bed.registry.publish(NAME, "1.0.0", tarball({"package.json": json.dumps(about), **files}))
    with pytest.raises(error, match=words):
        await bed.resolve()
    assert bed.published() == []
    assert bed.left() == []


async def test_a_package_gets_no_connection_that_the_definition_does_not_give(bed: Bed) -> None:
    wants = {"permissions": {"egress": ["127.0.0.1:9"]}}
    bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0", plugway=wants))
    with pytest.raises(BadInput, match=r"127\.0\.0\.1:9"):
        await bed.resolve()
    release = await bed.resolve(apiBaseUrl="http://127.0.0.1:9/v1")
    assert release.permissions.egress == ("127.0.0.1:9",)


async def test_fields_of_other_sources_are_refused(bed: Bed) -> None:
    with pytest.raises(BadInput) as caught:
        await bed.resolve(downloadUrl="https://x.example/y.tgz")
    assert list(caught.value.fields) == ["/downloadUrl"]
    with pytest.raises(BadInput) as caught:
        await bed.resolve(uiConfig={"packageName": "Not A Package"})
    assert list(caught.value.fields) == ["/uiConfig/packageName"]


async def test_a_package_that_the_registry_does_not_have(bed: Bed) -> None:
    with pytest.raises(NotInCatalog, match=NAME):
        await bed.resolve()


# The operator's npm settings ------------------------------------------------------


async def test_scopes_and_tokens_come_from_an_npmrc(
    bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_TOKEN", "s3cret")
    base = bed.registry.base
    bed.npm_config = tmp_path / "npmrc"
    bed.npm_config.write_text(
        "; a comment\nregistry=http://127.0.0.1:9/\n"
        f"@acme:registry={base}\n//{base.removeprefix('http://')}/:_authToken=${{ACME_TOKEN}}\n"
    )
    bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0"))
    await bed.resolve()
    assert {headers.get("authorization") for _, headers in bed.registry.web.asked} == {"Bearer s3cret"}


async def test_a_token_goes_to_the_registry_alone(bed: Bed, tmp_path: Path) -> None:
    dist = bed.registry.publish(NAME, "1.0.0", package(NAME, "1.0.0"))
    path = dist["tarball"].removeprefix(bed.registry.base)
    async with serving(bed.registry.web) as elsewhere:
        dist["tarball"] = elsewhere + "/moved.tgz"
        dist.pop("signatures")
        bed.registry.web.pages["/moved.tgz"] = Page(status=302, headers={"location": path})
        bed.npm_config = tmp_path / "npmrc"
        bed.npm_config.write_text(
            f"registry={bed.registry.base}\n"
            f"//{bed.registry.base.removeprefix('http://')}/:_authToken=s3cret\n"
        )
        await bed.resolve()
    seen = {path: headers.get("authorization") for path, headers in bed.registry.web.asked}
    assert seen["/@acme%2Fpanel"] == "Bearer s3cret"
    assert seen["/moved.tgz"] is None
    assert seen[path] is None


async def test_without_a_registry_the_setting_is_named(bed: Bed) -> None:
    bed.registry.base = ""
    with pytest.raises(NoNpmRegistry) as caught:
        await bed.resolve()
    assert "PLUGWAY_NPM_REGISTRY" in caught.value.hint


def test_npm_settings_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadNpmConfig, match="No such file"):
        read_npm_config(tmp_path / "absent")
    config = read_npm_config(None, "https://npm.example")
    assert config.registry_of("x") == "https://npm.example/"
    assert config.credentials("https://npm.example/x") == {}


def test_the_longest_address_has_the_token(tmp_path: Path) -> None:
    file = tmp_path / "npmrc"
    file.write_text("//npm.example/:_authToken=a\n//npm.example/team/:_authToken=b\n")
    config = read_npm_config(file)
    assert config.credentials("https://npm.example/team/x")["Authorization"] == "Bearer b"
    assert config.credentials("https://npm.example/teams/x")["Authorization"] == "Bearer a"
    assert config.credentials("https://npm.example.evil.example/x") == {}
    assert "a" not in repr(config).replace("NpmConfig", "").replace("registry", "").replace("scopes", "")
