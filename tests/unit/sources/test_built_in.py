"""Plugins in directories."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.definition import PluginDefinition
from gateway.digests import UnfitTree, tree_digest
from gateway.errors import BadInput
from gateway.model import DirectoryArtifact, Source, Tier, UiType
from gateway.settings import shipped_root
from gateway.sources.base import NotInCatalog, UnsupportedSource
from gateway.sources.built_in import BuiltInSource
from gateway.sources.catalog import SourceCatalog
from gateway.sources.manifest_file import BadManifestFile
from gateway.sources.remote import RemoteSource
from tests.samples import write_plugin


def definition(**fields: object) -> PluginDefinition:
    return PluginDefinition.model_validate({"id": "notes", **fields})


async def test_a_release_says_what_the_directory_says(tmp_path: Path) -> None:
    table = '\n[permissions]\nvolumes = ["data"]\negress = ["settings:/url", "api.example:443"]\n'
    place = write_plugin(tmp_path / "notes", uiType='"static"')
    with (place / "plugway.toml").open("a") as file:
        file.write(table)
    release = await BuiltInSource([tmp_path]).resolve(definition(name="My notes"))
    artifact = release.artifact
    assert isinstance(artifact, DirectoryArtifact)
    assert (release.plugin_id, release.version, release.name) == ("notes", "1.0.0", "My notes")
    assert (release.source, release.tier, release.ui_type) == (Source.BUILT_IN, Tier.BUILT_IN, UiType.STATIC)
    assert release.permissions.egress == ("settings:/url", "api.example:443")
    assert artifact.path == str(place)
    assert artifact.command == ("{python}", "-m", "notes")
    assert artifact.digest == await asyncio.to_thread(tree_digest, place)
    assert release.id.startswith("notes-")


async def test_the_definition_in_the_readme_holds(tmp_path: Path) -> None:
    words = (Path(__file__).resolve().parents[3] / "README.md").read_text()
    (tmp_path / "plugway.toml").write_text(words.split("```toml\n")[1].split("```")[0])
    release = await BuiltInSource([tmp_path]).resolve(definition(id="hello"))
    assert isinstance(release.artifact, DirectoryArtifact)
    assert release.artifact.image == "plugway/hello"


async def test_the_highest_version_is_taken_unless_one_is_named(tmp_path: Path) -> None:
    for version in ("1.9.0", "1.10.0", "2.0.0-rc.1"):
        write_plugin(tmp_path / version, version=version)
    source = BuiltInSource([tmp_path])
    assert (await source.resolve(definition())).version == "1.10.0"
    assert (await source.resolve(definition(version="2.0.0-rc.1"))).version == "2.0.0-rc.1"
    with pytest.raises(NotInCatalog, match=r"no version 3\.0\.0") as caught:
        await source.resolve(definition(version="3.0.0"))
    assert caught.value.hint == "There are: 1.9.0, 1.10.0, 2.0.0-rc.1."


async def test_a_prerelease_is_taken_where_there_is_nothing_else(tmp_path: Path) -> None:
    write_plugin(tmp_path / "a", version="0.1.0-dev")
    assert (await BuiltInSource([tmp_path]).resolve(definition())).version == "0.1.0-dev"


async def test_a_directory_may_itself_be_a_plugin(tmp_path: Path) -> None:
    place = write_plugin(tmp_path / "mine")
    assert (await BuiltInSource([place]).resolve(definition())).version == "1.0.0"


async def test_a_plugin_put_there_later_is_found(tmp_path: Path) -> None:
    source = BuiltInSource([tmp_path, tmp_path / "missing"])
    assert await source.available() == []
    write_plugin(tmp_path / "notes")
    assert [entry.id for entry in await source.available()] == ["notes"]


async def test_unknown_ids_come_with_near_ones(tmp_path: Path) -> None:
    write_plugin(tmp_path / "redis", "redis-management")
    with pytest.raises(NotInCatalog) as caught:
        await BuiltInSource([tmp_path]).resolve(definition(id="redis-managment"))
    assert caught.value.hint == "Did you mean 'redis-management'?"
    assert caught.value.status == 404


async def test_the_first_of_two_alike_is_taken_and_the_other_shown(tmp_path: Path) -> None:
    first, second = write_plugin(tmp_path / "a"), write_plugin(tmp_path / "b")
    source = BuiltInSource([tmp_path])
    artifact = (await source.resolve(definition())).artifact
    assert isinstance(artifact, DirectoryArtifact)
    assert artifact.path == str(first)
    problems = [entry.problem for entry in await source.available()]
    assert problems == ["", f"{first} has the same id and version and is taken instead"]
    assert str(second) not in problems[0]


async def test_a_broken_file_does_not_hide_the_others(tmp_path: Path) -> None:
    write_plugin(tmp_path / "notes")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "plugway.toml").write_text("id = 'broken\n")
    source = BuiltInSource([tmp_path])
    assert (await source.resolve(definition())).version == "1.0.0"
    entries = {entry.id: entry.problem for entry in await source.available()}
    assert entries["notes"] == ""
    assert "is not TOML" in entries["broken"]
    with pytest.raises(BadManifestFile, match="is not TOML"):
        await source.resolve(definition(id="broken"))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("version", "1.0", "version: must be a semantic version"),
        ("id", '"Notes!"', "id"),
        ("uiType", '"flash"', "uiType"),
        ("command", "[]", "command"),
        ("comand", '["x"]', "unknown field"),
        ("image", '"UPPER:tag"', "image"),
        ("permissions", '{volumes = ["../up"]}', "volumes"),
        ("permissions", '{egress = ["*"]}', "egress"),
    ],
)
async def test_a_file_that_cannot_hold_is_refused_by_field(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    write_plugin(tmp_path / "notes", **{name: value})
    with pytest.raises((BadManifestFile, NotInCatalog)) as caught:
        await BuiltInSource([tmp_path]).resolve(definition())
    entry = (await BuiltInSource([tmp_path]).available())[0]
    assert said in entry.problem
    assert caught.value.status in (404, 422)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sourceUrl", "https://x"),
        ("downloadUrl", "https://x"),
        ("signature", "sha256:00"),
        ("signer", "somebody"),
        ("apiBaseUrl", "https://x"),
        ("uiConfig", {"componentUrl": "https://x"}),
        ("uiType", "react_component"),
        ("checksum", "sha256:" + "0" * 64),
    ],
)
async def test_what_was_not_checked_is_not_taken_silently(tmp_path: Path, field: str, value: object) -> None:
    write_plugin(tmp_path / "notes")
    with pytest.raises(BadInput) as caught:
        await BuiltInSource([tmp_path]).resolve(definition(**{field: value}))
    assert list(caught.value.fields) == [f"/{field}"]


async def test_a_right_checksum_is_taken(tmp_path: Path) -> None:
    digest = await asyncio.to_thread(tree_digest, write_plugin(tmp_path / "notes"))
    assert (await BuiltInSource([tmp_path]).resolve(definition(checksum=digest))).version == "1.0.0"


def test_the_digest_is_of_the_content_and_of_nothing_else(tmp_path: Path) -> None:
    one = write_plugin(tmp_path / "one")
    two = tmp_path / "two"
    shutil.copytree(one, two)
    digest = tree_digest(one)
    assert tree_digest(two) == digest
    (two / "notes" / "__pycache__").mkdir()
    (two / "notes" / "__pycache__" / "app.pyc").write_bytes(b"x")
    assert tree_digest(two) == digest
    changes: list[Callable[[], object]] = [
        lambda: (two / "notes" / "app.py").write_text("app = 1\n"),
        lambda: (two / "notes" / "new.py").write_text(""),
        lambda: (two / "notes" / "new.py").rename(two / "notes" / "other.py"),
        lambda: (two / "notes" / "other.py").chmod(0o755),
    ]
    seen = {digest}
    for change in changes:
        change()
        seen.add(tree_digest(two))
    assert len(seen) == len(changes) + 1


@pytest.mark.parametrize("kind", ["link", "pipe"])
async def test_links_and_devices_are_refused(tmp_path: Path, kind: str) -> None:
    place = write_plugin(tmp_path / "notes")
    if kind == "link":
        (place / "secret").symlink_to("/etc/passwd")
    else:
        os.mkfifo(place / "secret")
    with pytest.raises(UnfitTree, match="secret"):
        await BuiltInSource([tmp_path]).resolve(definition())


async def test_unsupported_sources_say_which_there_are(tmp_path: Path) -> None:
    catalog = SourceCatalog({Source.BUILT_IN: BuiltInSource([tmp_path]), Source.REMOTE: RemoteSource()})
    with pytest.raises(UnsupportedSource) as caught:
        await catalog.resolve(definition(source="npm"))
    assert caught.value.fields == {"/source": "must be one of: built-in, remote"}
    assert caught.value.status == 422


async def test_the_version_that_installing_takes_comes_first(tmp_path: Path) -> None:
    for version in ("1.9.0", "1.10.0", "2.0.0-rc.1"):
        write_plugin(tmp_path / version, version=version)
    entries = await SourceCatalog({Source.BUILT_IN: BuiltInSource([tmp_path])}).available()
    assert [entry.version for entry in entries] == ["1.10.0", "1.9.0", "2.0.0-rc.1"]


async def test_what_is_shipped_can_be_installed() -> None:
    shipped = await asyncio.to_thread(shipped_root) / "plugin_services"
    catalog = SourceCatalog({Source.BUILT_IN: BuiltInSource([shipped, shipped / "examples"])})
    entries = {entry.id: entry for entry in await catalog.available()}
    assert {"notes", "redis-management"} <= set(entries)
    assert [entry.problem for entry in entries.values() if entry.problem] == []
