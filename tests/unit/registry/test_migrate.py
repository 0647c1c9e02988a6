"""Migrations: from nothing, from every older revision, and from a newer one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, insert, inspect, text

from gateway.model import Release, Source
from gateway.registry import codec, tables
from gateway.registry.migrate import DatabaseNewer, Migrations
from gateway.registry.records import ReleaseRecord
from gateway.registry.revision import NEWEST, is_newest
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from tests.samples import make_record, make_release

REVISIONS = Migrations.load().names


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = create_engine(f"sqlite:///{tmp_path / 'plugway.db'}")
    yield made
    made.dispose()


def revision_of(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def test_revisions_are_named_in_order() -> None:
    assert list(REVISIONS) == sorted(REVISIONS)
    assert len(set(REVISIONS)) == len(REVISIONS)


@pytest.mark.parametrize("revision", REVISIONS)
def test_only_the_newest_revision_needs_no_migration(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        assert not is_newest(connection)
        Migrations.load().apply(connection, upto=revision)
        assert is_newest(connection) is (revision == REVISIONS[-1])
    assert REVISIONS[-1] == NEWEST


def test_migrations_and_tables_agree(engine: Engine) -> None:
    with engine.begin() as connection:
        Migrations.load().apply(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
        assert revision_of(connection) == REVISIONS[-1]


def test_a_second_run_finds_nothing_to_do(engine: Engine) -> None:
    for _ in range(2):
        with engine.begin() as connection:
            Migrations.load().apply(connection)


@pytest.mark.parametrize("revision", REVISIONS)
async def test_data_of_every_older_revision_is_taken_along(tmp_path: Path, revision: str) -> None:
    cipher, file = SecretCipher(tmp_path / "key"), tmp_path / "plugway.db"
    await asyncio.to_thread(write_as_of, revision, file, cipher)

    release = make_release()
    store = await RegistryStore.open(f"sqlite:///{file}", cipher)
    assert [record.id for record in store.plugins()] == ["notes"]
    assert store.release(release.id).release == release
    assert store.epoch == 1
    await store.close()


@pytest.mark.parametrize(("source", "floor"), [(Source.OCI, "1.0.0"), (Source.BUILT_IN, "")], ids=str)
async def test_the_version_in_use_becomes_the_floor(tmp_path: Path, source: Source, floor: str) -> None:
    cipher, file = SecretCipher(tmp_path / "key"), tmp_path / "plugway.db"
    release = replace(make_release(), source=source)
    await asyncio.to_thread(write_as_of, "0008", file, cipher, release)
    store = await RegistryStore.open(f"sqlite:///{file}", cipher)
    assert store.floor(release.plugin_id) == floor
    await store.close()


def write_as_of(revision: str, file: Path, cipher: SecretCipher, release: Release | None = None) -> None:
    """A database as the Plugway of that revision left it."""
    release = release or make_release()
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        Migrations.load().apply(connection, upto=revision)
        known = codec.release_row(ReleaseRecord(release=release, added_at=5.0))
        plugin = codec.plugin_row(make_record(release), cipher)
        for table, row in ((tables.releases, known), (tables.plugins, plugin)):
            columns = {column["name"] for column in inspect(connection).get_columns(table.name)}
            connection.execute(insert(table).values({k: v for k, v in row.items() if k in columns}))
        assert revision_of(connection) == revision
    engine.dispose()


async def test_a_newer_database_is_refused_plainly_and_left_alone(tmp_path: Path) -> None:
    file, cipher = tmp_path / "plugway.db", SecretCipher(tmp_path / "key")
    await (await RegistryStore.open(f"sqlite:///{file}", cipher)).close()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(DatabaseNewer, match="revision 9999") as caught:
        await RegistryStore.open(f"sqlite:///{file}", cipher)
    assert REVISIONS[-1] in caught.value.detail
    assert "backup" in caught.value.hint
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT epoch FROM gateway").fetchone() == (1,)
    connection.close()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path, engine: Engine) -> None:
    # A table of that name is in the way of the last revision.
    with engine.begin() as connection:
        Migrations.load().apply(connection, upto="0001")
        connection.execute(text("CREATE TABLE instances (id INTEGER)"))
    file = tmp_path / "plugway.db"
    for _ in range(2):
        with pytest.raises(Exception, match="instances already exists"):
            asyncio.run(open_and_close(file))
    with engine.begin() as connection:
        assert revision_of(connection) == "0001"
        assert connection.execute(text("SELECT epoch FROM gateway")).scalar_one() == 0
        connection.execute(text("DROP TABLE instances"))
    assert asyncio.run(open_and_close(file)) == 1


async def open_and_close(file: Path) -> int:
    store = await RegistryStore.open(f"sqlite:///{file}", SecretCipher(file.with_name("key")))
    await store.close()
    return store.epoch
