"""What the registry promises about kills, full disks and files that cannot be written."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.model import PluginId
from gateway.registry.errors import RegistryUnavailable
from gateway.registry.records import PluginSettings
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from tests.samples import make_manifest, make_record, make_release

NOTES = PluginId("notes")
ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def child(home: Path, what: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.registry_child",
        str(home),
        what,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def next_word(process: asyncio.subprocess.Process) -> Any:
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert line, "the child ended early"
    return json.loads(line)


async def reopen(home: Path) -> RegistryStore:
    return await RegistryStore.open(f"sqlite:///{home / 'plugway.db'}", SecretCipher(home / "key"))


async def test_kill_in_the_middle_of_a_transaction_leaves_nothing_of_it(tmp_path: Path) -> None:
    async with child(tmp_path, "stuck") as process:
        assert await next_word(process) == {"inside": True}
        process.kill()
        await process.wait()
    store = await reopen(tmp_path)
    assert [record.id for record in store.plugins()] == ["notes"]
    assert len(store.releases(NOTES)) == 1
    assert store.epoch == 2
    await store.update_plugin(NOTES, pinned=True)
    await store.close()


async def test_kill_at_any_moment_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    for rounds in range(4):
        async with child(tmp_path, "write") as process:
            last = 0
            while last < 5 + rounds * 3:
                last = (await next_word(process))["committed"]
            process.kill()
            assert process.stdout is not None
            async for line in process.stdout:
                if line.endswith(b"\n"):
                    last = json.loads(line)["committed"]
        store = await reopen(tmp_path)
        # The last commit may have been made and not yet told.
        assert store.plugin(NOTES).settings.revision in (last, last + 1)
        await store.close()
    with sqlite3.connect(tmp_path / "plugway.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


async def test_a_disk_that_takes_no_more_is_said_and_changes_nothing(tmp_path: Path) -> None:
    async with child(tmp_path, "starve") as process:
        refused, after = await next_word(process), await next_word(process)
        assert await process.wait() == 0
    assert refused["key"] == "registry-unavailable"
    assert "disk" in refused["detail"]
    assert "space" in refused["hint"]
    assert refused["unchanged"] is True
    assert after == {"pinned": True, "enabled": True}
    store = await reopen(tmp_path)
    assert (store.plugin(NOTES).pinned, store.plugin(NOTES).enabled) == (True, True)
    await store.close()


async def test_a_database_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    await (await reopen(tmp_path)).close()
    url = f"sqlite:///file:{tmp_path / 'plugway.db'}?mode=ro&uri=true"
    with pytest.raises(RegistryUnavailable, match="cannot be written") as caught:
        await RegistryStore.open(url, SecretCipher(tmp_path / "key"))
    assert caught.value.hint
    assert caught.value.status == 503


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0garbage" * 100])
async def test_a_damaged_file_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plugway.db").write_bytes(content)
    with pytest.raises(RegistryUnavailable) as caught:
        await reopen(tmp_path)
    assert "backup" in caught.value.hint
    assert (tmp_path / "plugway.db").read_bytes() == content


async def test_a_missing_directory_is_said(tmp_path: Path) -> None:
    with pytest.raises(RegistryUnavailable, match="cannot be opened"):
        await reopen(tmp_path / "nowhere")


@pytest.mark.timeout(30)
async def test_another_program_that_holds_the_database_is_said(tmp_path: Path) -> None:
    store = await reopen(tmp_path)
    release = make_release()
    await store.add_plugin(make_record(release), release)
    holder = sqlite3.connect(tmp_path / "plugway.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(RegistryUnavailable, match="another program holds it"):
        await store.update_plugin(NOTES, pinned=True)
    assert not store.plugin(NOTES).pinned
    holder.execute("ROLLBACK")
    holder.close()
    assert (await store.update_plugin(NOTES, pinned=True)).pinned
    await store.close()


async def test_secrets_are_nowhere_in_clear(tmp_path: Path) -> None:
    store = await reopen(tmp_path)
    release, secret = make_release(), "hunter2-very-secret"
    settings = PluginSettings(values={"url": "visible-value"}, secrets={"/password": secret})
    assert secret not in repr(settings)
    await store.add_plugin(make_record(release, settings), release)
    await store.record_facts(release.id, make_manifest(release), None)
    for number in range(3):
        again = PluginSettings(values={}, secrets={"/password": f"{secret}-{number}"}, revision=number)
        await store.update_plugin(NOTES, settings=again)
    await check_files(tmp_path, secret)
    await store.close()
    await check_files(tmp_path, secret)


async def check_files(home: Path, secret: str) -> None:
    """Database, write-ahead log and everything else, while open and once closed."""
    files = [path for path in home.rglob("*") if path.is_file()]
    assert any(path.name.startswith("plugway.db") for path in files)
    for path in files:
        assert secret.encode() not in path.read_bytes(), path
