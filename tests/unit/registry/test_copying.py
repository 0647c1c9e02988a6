"""A copy of the registry: whole, and no loss to the gateway that has it open."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.definition import parse_definition
from gateway.digests import make_release
from gateway.model import DirectoryArtifact, PluginId, Release, Source, Tier, UiType
from gateway.registry.copying import NoRegistry, NotCopied, copy_database
from gateway.registry.records import PluginRecord
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore

ARTIFACT = DirectoryArtifact(path="/nowhere", digest="sha256:" + "0" * 64, command=("x",), image="x/y")


def release() -> Release:
    return make_release(
        plugin_id=PluginId("notes"), version="1.0.0", name="Notes", source=Source.BUILT_IN,
        tier=Tier.BUILT_IN, artifact=ARTIFACT, ui_type=UiType.NONE,
    )  # fmt: skip


async def test_the_copy_is_opened_and_the_original_still_written(tmp_path: Path) -> None:
    cipher = SecretCipher(tmp_path / "key")
    url = f"sqlite+aiosqlite:///{tmp_path / 'plugway.db'}"
    original = await RegistryStore.open(url, cipher)
    try:
        record = PluginRecord(
            id=PluginId("notes"), definition=parse_definition({"id": "notes"}), release_id=release().id
        )
        # Still in the write-ahead log, and nowhere else.
        await original.add_plugin(record, release())
        copied = await asyncio.to_thread(copy_database, url, tmp_path / "copy.db")
        copy = await RegistryStore.open(copied, cipher)
        try:
            assert [one.id for one in copy.plugins()] == ["notes"]
            await copy.remove_plugin(PluginId("notes"))
        finally:
            await copy.close()
        # To open the registry itself would have taken it over.
        assert not (await original.update_plugin(PluginId("notes"), enabled=False)).enabled
    finally:
        await original.close()
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_copied_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotCopied, match="SQLite"):
        copy_database("postgresql://me:secret@host/db", tmp_path / "copy.db")
    with pytest.raises(NoRegistry):
        copy_database(f"sqlite:///{tmp_path / 'none.db'}", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()
