"""The `oci` source against Debian's docker-registry: what it finds, and what it does not believe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.definition import PluginDefinition, parse_definition
from gateway.digests import release_id
from gateway.errors import BadInput, PlugwayError
from gateway.model import ImageArtifact, Login, Permissions, Source, Tier
from gateway.sources.addresses import read_allow_list
from gateway.sources.base import NotInCatalog, SourceUnreadable
from gateway.sources.fetch import Fetcher, FetchRefused
from gateway.sources.oci import OciSource
from gateway.sources.oci_auth import LoginRefused
from gateway.sources.oci_documents import (
    OCI_INDEX,
    OCI_MANIFEST,
    NotAsNamed,
    UnfitImage,
    digest_of,
)
from gateway.sources.oci_reference import parse_reference
from gateway.sources.oci_registry import Registries
from gateway.sources.oci_signatures import fallback_tag
from tests.image_registry import (
    LABEL,
    PASSWORD,
    REPOSITORY,
    USER,
    ImageRegistry,
    image_registry,
)

ENVELOPE = b'{"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": []}'


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[ImageRegistry]:
    with image_registry(tmp_path / "registry") as running:
        yield running


def source(login: Login | None = None, allow: str = "127.0.0.1", platform: str = "linux/amd64") -> OciSource:
    fetcher = Fetcher(read_allow_list(allow), timeout=10, max_bytes=2**20)
    return OciSource(Registries(fetcher, lambda host: login, timeout=10), platform=platform)


def definition(registry: ImageRegistry, which: str = ":1.0.0", **fields: Any) -> PluginDefinition:
    url = f"oci://{registry.host}/{REPOSITORY}{which}"
    return parse_definition({"id": "notes", "source": "external", "sourceUrl": url, **fields})


async def test_a_tag_becomes_a_release_by_digest(registry: ImageRegistry) -> None:
    digest = registry.put_image("1.0.0")
    release = await source().resolve(definition(registry))
    assert release.artifact == ImageArtifact(reference=f"{registry.host}/{REPOSITORY}", digest=digest)
    assert (release.version, release.name, release.source) == ("1.0.0", "Notes", Source.OCI)
    assert release.tier is Tier.EXTERNAL
    assert release.permissions == Permissions(volumes=("data",))
    assert release.id == release_id(release)
    assert await source().resolve(definition(registry, f"@{digest}")) == release
    assert await source().resolve(definition(registry, "", version="1.0.0")) == release
    assert await source().resolve(definition(registry, checksum=digest)) == release


async def test_the_version_that_is_asked_for_is_the_one_that_is_taken(registry: ImageRegistry) -> None:
    registry.put_image("stable")
    second = registry.put_image("2.0.0", {**LABEL, "version": "2.0.0"})
    release = await source().resolve(definition(registry, ":stable", version="2.0.0"))
    assert isinstance(release.artifact, ImageArtifact)
    assert (release.version, release.artifact.digest) == ("2.0.0", second)
    release = await source().resolve(definition(registry, ":gone", version="2.0.0"))
    assert release.version == "2.0.0"
    with pytest.raises(NotInCatalog, match=r"holds version 1.0.0 of notes, not 3.0.0"):
        await source().resolve(definition(registry, ":stable", version="3.0.0"))
    with pytest.raises(NotInCatalog, match=r"has no team/notes:3.0.0"):
        await source().resolve(definition(registry, ":gone", version="3.0.0"))
    with pytest.raises(NotInCatalog, match=r"holds version 2.0.0 of notes, not 1.0.0"):
        await source().resolve(definition(registry, f"@{second}", version="1.0.0"))


async def test_of_an_index_the_image_for_this_machine_is_read_and_the_index_is_named(
    registry: ImageRegistry,
) -> None:
    images = {
        machine: registry.put_image("", {**LABEL, "version": version}, architecture=machine)
        for machine, version in (("amd64", "1.0.0"), ("arm64", "1.0.0-arm"))
    }
    entries = [
        {
            "mediaType": OCI_MANIFEST,
            "digest": digest,
            "size": registry.blob_file(digest).stat().st_size,
            "platform": {"os": "linux", "architecture": machine},
        }
        for machine, digest in images.items()
    ]
    index = registry.put_manifest({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}, "1.0.0")
    release = await source(platform="linux/arm64").resolve(definition(registry))
    assert release.version == "1.0.0-arm"
    assert release.artifact == ImageArtifact(reference=f"{registry.host}/{REPOSITORY}", digest=index)
    with pytest.raises(UnfitImage, match="not made for linux/riscv64; it is for linux/amd64, linux/arm64"):
        await source(platform="linux/riscv64").resolve(definition(registry))


@pytest.mark.parametrize(
    ("label", "config", "why"),
    [
        (None, {}, "lacks the label io.plugway.manifest"),
        ({**LABEL, "id": "other"}, {}, "holds the plugin 'other', not 'notes'"),
        ({**LABEL, "version": "latest"}, {}, "must be a semantic version"),
        ({**LABEL, "permissions": {"network": True}}, {}, "permissions/network: Extra inputs"),
        ({**LABEL, "version": ""}, {}, 'names no "version"'),
        (LABEL, {"settings": {"Volumes": {"/data": {}}}}, "declares volumes of its own"),
        (LABEL, {"os": "windows"}, "not one of Linux"),
    ],
)
async def test_an_image_that_does_not_say_what_it_is_is_refused_with_what_to_write(
    registry: ImageRegistry, label: dict[str, Any] | None, config: dict[str, Any], why: str
) -> None:
    registry.put_image("1.0.0", label, **config)
    with pytest.raises(UnfitImage) as caught:
        await source().resolve(definition(registry))
    assert why in caught.value.detail
    assert caught.value.hint
    if label is None:
        assert 'LABEL io.plugway.manifest=\'{"id": "notes"' in caught.value.hint


async def test_the_common_version_label_stands_in(registry: ImageRegistry) -> None:
    labels = {"org.opencontainers.image.version": "4.5.6"}
    registry.put_image("1.0.0", {**LABEL, "version": ""}, labels=labels)
    assert (await source().resolve(definition(registry))).version == "4.5.6"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"uiType": "static"}, "/uiType"),
        ({"checksum": "sha256:" + "0" * 64}, "/checksum"),
        ({"apiBaseUrl": "https://x.example"}, "/apiBaseUrl"),
        ({"downloadUrl": "https://x.example"}, "/downloadUrl"),
        ({"uiConfig": {"version": "1"}}, "/uiConfig"),
    ],
)
async def test_a_definition_that_says_something_else_is_refused(
    registry: ImageRegistry, fields: dict[str, Any], place: str
) -> None:
    registry.put_image("1.0.0")
    with pytest.raises(BadInput) as caught:
        await source().resolve(definition(registry, **fields))
    assert place in caught.value.fields


async def test_a_moved_tag_is_told_and_changes_nothing(registry: ImageRegistry) -> None:
    registry.put_image("1.0.0")
    installed = await source().resolve(definition(registry))
    same = await source().offer(definition(registry), installed)
    assert not same.changed
    moved = registry.put_image("1.0.0", {**LABEL, "name": "Notes, quietly changed"})
    offer = await source().offer(definition(registry), installed)
    assert (offer.changed, offer.digest, offer.version) == (True, moved, "1.0.0")
    assert offer.reference == f"{registry.host}/{REPOSITORY}:1.0.0"
    pinned = definition(registry, f"@{installed.artifact.digest}")  # type: ignore[union-attr]
    assert await source().resolve(pinned) == installed
    assert not (await source().offer(pinned, installed)).changed


async def test_a_newer_version_behind_the_tag_is_told_after_a_change_of_the_installed_one(
    registry: ImageRegistry,
) -> None:
    registry.put_image("1.0.0")
    registry.put_image("stable")
    tagged = definition(registry, ":stable")
    installed = await source().resolve(tagged)
    newer = registry.put_image("stable", {**LABEL, "version": "2.0.0"})
    offer = await source().offer(tagged, installed)
    assert (offer.digest, offer.version) == (newer, "2.0.0")
    changed = registry.put_image("1.0.0", {**LABEL, "name": "Other bytes"})
    offer = await source().offer(tagged, installed)
    assert (offer.digest, offer.version, offer.changed) == (changed, "1.0.0", True)


@pytest.mark.parametrize("part", ["manifest", "configuration"])
async def test_bytes_that_were_changed_in_the_registrys_storage_are_refused(
    registry: ImageRegistry, part: str
) -> None:
    digest = registry.put_image("1.0.0")
    manifest = registry.blob_file(digest)
    changed = manifest
    if part == "configuration":
        changed = registry.blob_file(json.loads(manifest.read_bytes())["config"]["digest"])
    changed.write_bytes(changed.read_bytes().replace(b"team", b"tame").replace(b"linux", b"LINUX") + b" ")
    with pytest.raises(PlugwayError) as caught:
        await source().resolve(definition(registry, f"@{digest}"))
    assert isinstance(caught.value, NotAsNamed | SourceUnreadable), caught.value


async def test_signatures_come_back_as_they_were_attached(registry: ImageRegistry) -> None:
    digest = registry.put_image("1.0.0")
    release = await source().resolve(definition(registry))
    assert await source().envelopes(release) == ()
    reference = parse_reference(f"oci://{registry.host}/{REPOSITORY}@{digest}")
    first = await source().push_envelope(reference, ENVELOPE)
    assert await source().push_envelope(reference, ENVELOPE) == first
    assert await source().envelopes(release) == (ENVELOPE,)
    await source().push_envelope(reference, ENVELOPE + b"\n")
    assert await source().envelopes(release) == (ENVELOPE, ENVELOPE + b"\n")
    # docker-registry 2.8 has no referrers API: this is the tag that stands in.
    with registry.client() as client:
        listed = client.get(
            f"/v2/{REPOSITORY}/manifests/{fallback_tag(digest)}", headers={"Accept": OCI_INDEX}
        )
        assert len(listed.raise_for_status().json()["manifests"]) == 2
        assert client.get(f"/v2/{REPOSITORY}/referrers/{digest}").status_code == 404


async def test_an_envelope_of_another_image_is_not_taken_for_this_ones(registry: ImageRegistry) -> None:
    digest = registry.put_image("1.0.0")
    other = registry.put_image("2.0.0", {**LABEL, "version": "2.0.0"})
    await source().push_envelope(parse_reference(f"oci://{registry.host}/{REPOSITORY}@{other}"), ENVELOPE)
    with registry.client() as client:
        accept = {"Accept": OCI_INDEX}
        index = client.get(f"/v2/{REPOSITORY}/manifests/{fallback_tag(other)}", headers=accept).json()
    registry.put_manifest(index, fallback_tag(digest))
    release = await source().resolve(definition(registry))
    assert await source().envelopes(release) == ()


async def test_a_tampered_envelope_is_refused(registry: ImageRegistry) -> None:
    digest = registry.put_image("1.0.0")
    release = await source().resolve(definition(registry))
    reference = parse_reference(f"oci://{registry.host}/{REPOSITORY}@{digest}")
    await source().push_envelope(reference, ENVELOPE)
    stored = registry.blob_file(digest_of(ENVELOPE))
    stored.write_bytes(ENVELOPE.replace(b"e30", b"e31"))
    with pytest.raises(PlugwayError) as caught:
        await source().envelopes(release)
    assert isinstance(caught.value, NotAsNamed | SourceUnreadable), caught.value


async def test_a_registry_with_a_login(tmp_path: Path) -> None:
    with image_registry(tmp_path / "closed", login=True) as registry:
        digest = registry.put_image("1.0.0")
        right = Login(username=USER, password=PASSWORD)
        release = await source(right).resolve(definition(registry))
        assert isinstance(release.artifact, ImageArtifact)
        assert release.artifact.digest == digest
        reference = parse_reference(f"oci://{registry.host}/{REPOSITORY}@{digest}")
        await source(right).push_envelope(reference, ENVELOPE)
        assert await source(right).envelopes(release) == (ENVELOPE,)
        with pytest.raises(LoginRefused, match="none is stored") as caught:
            await source().resolve(definition(registry))
        assert f"plugway registry login {registry.host}" in caught.value.hint
        wrong = Login(username=USER, password="a wrong secret")
        with pytest.raises(LoginRefused, match="does not accept the login of 'reader'") as caught:
            await source(wrong).resolve(definition(registry))
        assert "a wrong secret" not in f"{caught.value.problem()} {caught.value!r} {wrong!r}"


async def test_a_registry_that_is_away_or_not_allowed(registry: ImageRegistry) -> None:
    registry.put_image("1.0.0")
    with pytest.raises(FetchRefused, match="no address of the internet"):
        await source(allow="").resolve(definition(registry))
    with pytest.raises(NotInCatalog, match=r"has no team/notes:9.9.9"):
        await source().resolve(definition(registry, ":9.9.9"))
    registry.stop()
    with pytest.raises(SourceUnreadable, match="cannot be reached"):
        await source().resolve(definition(registry))
