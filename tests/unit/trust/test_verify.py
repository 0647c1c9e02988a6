"""Locks, and who may call a release verified."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

import gateway
from gateway.definition import PluginDefinition
from gateway.digests import canonical_json, release_id
from gateway.model import DirectoryArtifact, ImageArtifact, Permissions, ReleaseId, RemoteArtifact, UiType
from gateway.sources.built_in import BuiltInSource
from gateway.trust.lock import release_lock
from gateway.trust.verify import ReleaseChanged, verify_release
from tests.samples import DIGEST, make_release, write_plugin


async def test_an_untouched_directory_is_verified(tmp_path: Path) -> None:
    write_plugin(tmp_path / "notes")
    release = await BuiltInSource([tmp_path]).resolve(PluginDefinition(id="notes"))
    assert await verify_release(release) == release
    (tmp_path / "notes" / "notes" / "__pycache__").mkdir()
    assert await verify_release(release) == release


@pytest.mark.parametrize("change", ["edit", "add", "remove", "remove all"])
async def test_a_changed_directory_is_refused(tmp_path: Path, change: str) -> None:
    place = write_plugin(tmp_path / "notes")
    release = await BuiltInSource([tmp_path]).resolve(PluginDefinition(id="notes"))
    match change:
        case "edit":
            (place / "notes" / "app.py").write_text("import os\n")
        case "add":
            (place / "notes" / "sitecustomize.py").write_text("")
        case "remove":
            (place / "notes" / "app.py").unlink()
        case _:
            place.rename(tmp_path / "elsewhere")
    with pytest.raises(ReleaseChanged, match=r"notes 1\.0\.0 is not what was installed") as caught:
        await verify_release(release)
    assert "plugway install notes" in caught.value.hint
    assert caught.value.plugin == "notes"


async def test_a_lock_that_was_edited_is_refused() -> None:
    release = make_release("far", "1.0.0", RemoteArtifact(address="host:1"))
    assert await verify_release(release) == release
    for forged in (
        replace(release, version="2.0.0"),
        replace(release, permissions=Permissions(egress=("evil:443",))),
        replace(release, artifact=RemoteArtifact(address="evil:1")),
        replace(release, ui_type=UiType.NONE),
        replace(release, id=ReleaseId("far-000000000000")),
    ):
        with pytest.raises(ReleaseChanged, match="its lock"):
            await verify_release(forged)


async def test_an_image_is_named_by_digest() -> None:
    by_digest = make_release(artifact=ImageArtifact(reference="r/notes", digest=DIGEST))
    assert await verify_release(by_digest) == by_digest
    with pytest.raises(ReleaseChanged, match="digest"):
        await verify_release(make_release(artifact=ImageArtifact(reference="r/notes", digest="latest")))


def test_the_lock_is_canonical_and_says_all() -> None:
    release = make_release()
    lock = release_lock(release)
    assert json.loads(canonical_json(lock)) == lock
    assert canonical_json(lock) == canonical_json(dict(reversed(lock.items())))
    assert lock["id"] == release.id == release_id(release)
    assert lock["permissions"] == {"egress": [], "volumes": ["data"]}
    assert lock["artifact"]["digest"] == DIGEST


def test_where_the_files_lie_does_not_make_another_release() -> None:
    release = make_release()
    assert isinstance(release.artifact, DirectoryArtifact)
    moved = replace(release.artifact, path="/elsewhere")
    assert release_id(replace(release, artifact=moved)) == release.id


def test_only_trust_makes_verified_releases() -> None:
    root = Path(gateway.__file__).parent
    makers = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if re.search(r"\bVerifiedRelease\(|cast\(\s*[\"']?VerifiedRelease", path.read_text())
    ]
    assert makers == ["trust/verify.py"]
