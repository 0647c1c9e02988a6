"""The store against real databases: the same suite over SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.errors import Internal
from gateway.model import (
    Artifact,
    Endpoint,
    InstanceId,
    Ownership,
    Permissions,
    PluginId,
    Release,
    ReleaseId,
    RemoteArtifact,
    Source,
)
from gateway.registry.errors import (
    AlreadyInstalled,
    FactsContradict,
    RegistryUnavailable,
    Superseded,
    UnknownPlugin,
    UnknownRelease,
)
from gateway.registry.records import InstanceRecord, PluginSettings, RolloutRecord
from gateway.registry.secrets import SecretCipher, SecretsUnreadable
from gateway.registry.store import RegistryStore
from tests.postgres_server import PASSWORD, postgres_server
from tests.samples import make_manifest, make_record, make_release, make_ui

NOTES = PluginId("notes")


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'plugway.db'}"
    server, name = str(request.getfixturevalue("postgres")), f"test_{secrets.token_hex(6)}"
    await administer(database_of(server, "postgres"), f"CREATE DATABASE {name}")
    return database_of(server, name)


def database_of(server: str, name: str) -> str:
    # asyncpg would look for certificates in the home directory, inside the event loop.
    return f"{server}/{name}?ssl=disable"


def external(version: str, artifact: Artifact | None = None) -> Release:
    return replace(make_release(version=version, artifact=artifact), source=Source.OCI)


async def administer(url: str, statement: str) -> None:
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://"), isolation_level="AUTOCOMMIT"
    )
    try:
        async with engine.connect() as connection:
            await connection.execute(text(statement))
    finally:
        await engine.dispose()


@pytest.fixture
def cipher(tmp_path: Path) -> SecretCipher:
    return SecretCipher(tmp_path / "keys" / "secrets.key")


@pytest.fixture
async def store(url: str, cipher: SecretCipher) -> AsyncIterator[RegistryStore]:
    opened = await RegistryStore.open(url, cipher)
    yield opened
    await opened.close()


def make_instance(release_id_: ReleaseId, number: int = 1) -> InstanceRecord:
    id_ = InstanceId(f"notes-{number}")
    return InstanceRecord(
        id=id_,
        plugin_id=NOTES,
        release_id=release_id_,
        ownership=Ownership.MANAGED,
        runtime="process",
        endpoint=Endpoint(instance_id=id_, address="unix:/run/x.sock", incarnation="12.5"),
    )


async def test_everything_is_as_it_was_after_a_restart(url: str, cipher: SecretCipher) -> None:
    store = await RegistryStore.open(url, cipher)
    release = make_release()
    settings = PluginSettings(
        values={"url": "redis://h", "deep": {"n": [1, 2.5, None, True]}},
        secrets={"/password": "hunter2"},
        schema_version=3,
        revision=7,
    )
    await store.add_plugin(make_record(release, settings), release)
    await store.record_facts(release.id, make_manifest(release), make_ui())
    await store.put_instance(make_instance(release.id))
    remote = make_release("far", "", RemoteArtifact(address="host:1", identity="host"))
    await store.add_plugin(make_record(remote), remote)
    before = (store.plugins(), store.releases(NOTES), store.instances())
    await store.close()

    store = await RegistryStore.open(url, cipher)
    assert (store.plugins(), store.releases(NOTES), store.instances()) == before
    assert store.plugin(NOTES).settings == settings
    assert store.release(release.id).manifest == make_manifest(release)
    assert store.release(remote.id).release == remote
    assert store.plugin(NOTES).installed_at > 0
    await store.close()


async def test_each_opening_raises_the_epoch_and_fences_the_older(url: str, cipher: SecretCipher) -> None:
    first = await RegistryStore.open(url, cipher)
    release = make_release()
    await first.add_plugin(make_record(release), release)
    second = await RegistryStore.open(url, cipher)
    assert second.epoch == first.epoch + 1
    with pytest.raises(Superseded, match="Another gateway"):
        await first.update_plugin(NOTES, enabled=False)
    assert first.plugin(NOTES).enabled
    await second.update_plugin(NOTES, enabled=False)
    await first.close()
    await second.close()


async def test_two_that_open_at_once_both_come_up(url: str, cipher: SecretCipher) -> None:
    both = await asyncio.gather(RegistryStore.open(url, cipher), RegistryStore.open(url, cipher))
    assert sorted(store.epoch for store in both) == [1, 2]
    for store in both:
        await store.close()


async def test_install_twice_is_refused_and_changes_nothing(store: RegistryStore) -> None:
    release = make_release()
    await store.add_plugin(make_record(release), release)
    before = store.plugins()
    with pytest.raises(AlreadyInstalled) as caught:
        await store.add_plugin(make_record(release), release)
    assert caught.value.plugin == NOTES
    assert store.plugins() == before
    with pytest.raises(Internal):
        await store.add_plugin(make_record(release), make_release("other"))


async def test_unknown_names_come_with_a_hint(store: RegistryStore) -> None:
    with pytest.raises(UnknownPlugin) as caught:
        store.plugin(PluginId("redis"))
    assert caught.value.hint == "Install it: plugway install redis"
    release = make_release("redis-management")
    await store.add_plugin(make_record(release), release)
    for name in ("redis-managment", "redis", "redis-management-x"):
        with pytest.raises(UnknownPlugin) as caught:
            store.plugin(PluginId(name))
        assert caught.value.hint == "Did you mean 'redis-management'?"
        assert caught.value.status == 404
    with pytest.raises(UnknownRelease):
        store.release(ReleaseId("redis-management-0"))
    for act in (store.update_plugin, store.remove_plugin):
        with pytest.raises(UnknownPlugin):
            await act(PluginId("redis"))
    with pytest.raises(UnknownPlugin):
        await store.add_release(make_release("redis"))


async def test_update_changes_what_is_named_and_no_more(store: RegistryStore) -> None:
    release = make_release()
    await store.add_plugin(make_record(release), release)
    before = store.plugin(NOTES)
    changed = await store.update_plugin(NOTES, enabled=False, pinned=True)
    assert changed == store.plugin(NOTES)
    assert changed == replace(before, enabled=False, pinned=True, updated_at=changed.updated_at)
    assert changed.updated_at >= before.updated_at
    with pytest.raises(TypeError):
        await store.update_plugin(NOTES, colour="red")
    with pytest.raises(UnknownRelease):
        await store.update_plugin(NOTES, release_id=ReleaseId("nowhere"))
    assert store.plugin(NOTES) == changed


async def test_updates_at_once_lose_nothing(store: RegistryStore) -> None:
    release = make_release()
    await store.add_plugin(make_record(release), release)
    await asyncio.gather(
        store.update_plugin(NOTES, enabled=False),
        store.update_plugin(NOTES, pinned=True),
        *(store.put_instance(make_instance(release.id, number)) for number in range(5)),
    )
    assert (store.plugin(NOTES).enabled, store.plugin(NOTES).pinned) == (False, True)
    assert len(store.instances(NOTES)) == 5


async def test_releases_come_oldest_first_and_equal_ones_once(store: RegistryStore) -> None:
    first, second = make_release(), make_release(version="1.1.0")
    await store.add_plugin(make_record(first), first)
    await store.add_release(second)
    await store.add_release(first)
    assert [record.release.version for record in store.releases(NOTES)] == ["1.0.0", "1.1.0"]
    assert (await store.update_plugin(NOTES, release_id=second.id)).release_id == second.id


async def test_facts_are_fixed_once_known(store: RegistryStore) -> None:
    release = make_release()
    await store.add_plugin(make_record(release), release)
    manifest = make_manifest(release)
    await store.record_facts(release.id, manifest, None)
    await store.record_facts(release.id, replace(manifest, openapi={"openapi": "3.1.1"}), make_ui())
    assert store.release(release.id).ui == make_ui()
    greedy = replace(manifest, permissions=Permissions(egress=("evil:443",)))
    with pytest.raises(FactsContradict, match="permissions"):
        await store.record_facts(release.id, greedy, None)
    assert store.release(release.id).ui == make_ui()


async def test_a_remote_plugin_may_say_something_new(store: RegistryStore) -> None:
    release = make_release("far", "", RemoteArtifact(address="host:1"))
    await store.add_plugin(make_record(release), release)
    for version in ("1.0.0", "2.0.0"):
        await store.record_facts(release.id, replace(make_manifest(release), version=version), None)
    manifest = store.release(release.id).manifest
    assert manifest is not None
    assert manifest.version == "2.0.0"


async def test_removal_takes_what_belongs_to_the_plugin_and_no_more(store: RegistryStore) -> None:
    notes, other = make_release(), make_release("other")
    for release in (notes, other):
        await store.add_plugin(make_record(release), release)
    await store.put_instance(make_instance(notes.id))
    await store.remove_plugin(NOTES)
    assert [record.id for record in store.plugins()] == ["other"]
    assert store.instances() == ()
    with pytest.raises(UnknownRelease):
        store.release(notes.id)
    await store.add_plugin(make_record(notes), notes)


async def test_only_what_nothing_uses_is_forgotten(store: RegistryStore) -> None:
    first, second, third = (make_release(version=f"{number}.0.0") for number in (1, 2, 3))
    await store.add_plugin(make_record(first), first)
    await store.add_release(second)
    await store.add_release(third)
    await store.put_instance(make_instance(second.id))
    for number, live in enumerate((True, False)):
        record = RolloutRecord(id=f"r{number}", plugin_id=NOTES, live=live, document={}, created_at=number)
        await store.put_rollout(record, "")
    every = [first.id, second.id, third.id, ReleaseId("never-there")]
    await store.forget(NOTES, releases=every, rollouts=["r0", "r1", "r2"])
    assert [known.release.id for known in store.releases(NOTES)] == [first.id, second.id]
    assert [record.id for record in store.rollouts(NOTES)] == ["r0"]
    await store.remove_instance(make_instance(second.id).id)
    await store.forget(NOTES, releases=every)
    assert [known.release.id for known in store.releases(NOTES)] == [first.id]


async def test_instances_are_put_replaced_and_removed(store: RegistryStore) -> None:
    release = make_release()
    await store.add_plugin(make_record(release), release)
    record = make_instance(release.id)
    await store.put_instance(record)
    moved = replace(record, settings_revision=2, endpoint=None)
    await store.put_instance(moved)
    assert store.instances() == (moved,)
    assert store.instances(PluginId("other")) == ()
    await store.remove_instance(record.id)
    await store.remove_instance(record.id)
    assert store.instances() == ()


async def test_listeners_are_told_after_each_committed_write(store: RegistryStore) -> None:
    told: list[tuple[str, bool]] = []
    stop = store.subscribe(lambda id_: told.append((id_, store.plugin(PluginId(id_)).enabled)))
    release = make_release()
    await store.add_plugin(make_record(release), release)
    await store.update_plugin(NOTES, enabled=False)
    with pytest.raises(UnknownPlugin):
        await store.update_plugin(PluginId("other"), enabled=False)
    stop()
    await store.update_plugin(NOTES, enabled=True)
    assert told == [("notes", True), ("notes", False)]


async def test_equal_records_are_not_written_again(store: RegistryStore) -> None:
    release = make_release()
    await store.add_plugin(make_record(release), release)
    await store.put_instance(make_instance(release.id))
    await store.record_facts(release.id, make_manifest(release), None)
    told: list[str] = []
    store.subscribe(told.append)
    await store.put_instance(make_instance(release.id))
    await store.record_facts(release.id, make_manifest(release), None)
    assert told == []


async def test_a_cancelled_caller_leaves_memory_and_database_equal(
    store: RegistryStore, url: str, cipher: SecretCipher
) -> None:
    release = make_release()
    await store.add_plugin(make_record(release), release)
    for steps in range(12):
        change = asyncio.create_task(store.update_plugin(NOTES, pinned=steps % 2 == 0))
        for _ in range(steps):
            await asyncio.sleep(0)
        change.cancel()
        await asyncio.gather(change, return_exceptions=True)
    await store.put_instance(make_instance(release.id))
    in_memory = store.plugins()
    again = await RegistryStore.open(url, cipher)
    assert again.plugins() == in_memory
    await again.close()


async def test_a_lost_key_stops_the_start_with_a_plain_reason(
    url: str, cipher: SecretCipher, tmp_path: Path
) -> None:
    store = await RegistryStore.open(url, cipher)
    release = make_release()
    await store.add_plugin(make_record(release, PluginSettings(secrets={"/p": "hunter2"})), release)
    await store.close()
    (tmp_path / "keys" / "secrets.key").unlink()
    with pytest.raises(SecretsUnreadable, match="The secrets of notes"):
        await RegistryStore.open(url, cipher)


async def test_many_plugins_come_in_the_order_of_their_names(store: RegistryStore) -> None:
    releases = [make_release(f"plugin-{number}") for number in range(100, 0, -1)]
    for release in releases:
        await store.add_plugin(make_record(release), release)
    names = [record.id for record in store.plugins()]
    assert len(names) == 100
    assert names == sorted(names)


async def test_postgresql_a_broken_connection_is_said_and_then_mended(
    postgres: str, cipher: SecretCipher
) -> None:
    name, server = f"test_{secrets.token_hex(6)}", database_of(postgres, "postgres")
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    await administer(server, f"CREATE DATABASE {name}")
    store = await RegistryStore.open(database_of(postgres, name), cipher)
    release = make_release()
    await store.add_plugin(make_record(release), release)
    for _ in range(2):
        await administer(server, cut)
        await store.update_plugin(NOTES, pinned=True)
    await administer(server, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await administer(server, cut)
    with pytest.raises(RegistryUnavailable, match="read-only") as caught:
        await store.update_plugin(NOTES, pinned=False)
    assert PASSWORD not in str(caught.value)
    assert store.plugin(NOTES).pinned
    await administer(server, f"ALTER DATABASE {name} RESET default_transaction_read_only")
    await administer(server, cut)
    assert not (await store.update_plugin(NOTES, pinned=False)).pinned
    await store.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda url: database_of(url.replace(PASSWORD, "px-wrong"), "postgres"), "password"),
        (lambda url: database_of(url, "nowhere"), "does not exist"),
    ],
)
async def test_postgresql_refusals_are_plain(
    postgres: str, cipher: SecretCipher, change: Callable[[str], str], said: str
) -> None:
    with pytest.raises(RegistryUnavailable, match=said) as caught:
        await RegistryStore.open(change(postgres), cipher)
    assert "PLUGWAY_DATABASE_URL" in caught.value.hint
    assert "px-" not in str(caught.value)


async def test_the_version_floor_only_rises_and_outlives_the_plugin(url: str, cipher: SecretCipher) -> None:
    first, older = external("1.10.0"), external("1.9.0")
    store = await RegistryStore.open(url, cipher)
    await store.add_plugin(make_record(first), first)
    await store.add_release(external("3.0.0"))
    assert store.floor(NOTES) == "1.10.0", "what was only looked at was never in use"
    await store.add_release(older)
    await store.update_plugin(NOTES, release_id=older.id)
    await store.remove_plugin(NOTES)
    assert store.floor(NOTES) == "1.10.0"
    await store.close()
    store = await RegistryStore.open(url, cipher)
    assert (store.plugins(), store.floor(NOTES)) == ((), "1.10.0")
    newer = external("2.0.0")
    await store.add_plugin(make_record(older), older)
    await store.add_release(newer)
    await store.update_plugin(NOTES, release_id=newer.id)
    assert store.floor(NOTES) == "2.0.0"
    await store.close()


@pytest.mark.parametrize(
    "release",
    [
        make_release(version="9.0.0"),
        external("9.0.0", RemoteArtifact(address="unix:/run/notes.sock")),
        external("latest"),
    ],
    ids=["shipped", "an endpoint", "no version"],
)
async def test_what_has_no_floor(tmp_path: Path, cipher: SecretCipher, release: Release) -> None:
    store = await RegistryStore.open(f"sqlite:///{tmp_path / 'plugway.db'}", cipher)
    await store.add_plugin(make_record(release), release)
    assert store.floor(NOTES) == ""
    await store.close()
