"""Settings in the form of an earlier release: which release that was, what it grants, and that it is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.model import Permissions, Release, Tier
from gateway.registry.records import PluginSettings, RolloutRecord
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from gateway.supervisor.collector import used_releases
from gateway.supervisor.egress import Egress
from gateway.supervisor.plan import instance_id
from gateway.supervisor.rollout import Phase, Plan, Rollout
from gateway.supervisor.rollout_codec import encode
from gateway.supervisor.settings_form import in_form, saved_with
from tests.samples import make_manifest, make_record, make_release
from tests.unit.supervisor.test_egress import Heard

OLD = replace(make_release("notes"), permissions=Permissions(egress=("settings:/url", "fixed.example:1")))
NEW = replace(
    make_release("notes", "2.0.0"),
    permissions=Permissions(egress=("settings:/servers/*/url", "new.example:2")),
)
STRANGE = replace(make_release("notes", "1.5.0"), permissions=Permissions(egress=("settings:/other",)))
ID = OLD.plugin_id
SAVED = PluginSettings(values={"url": "redis://cache", "other": "inner.example:22"}, revision=3)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[RegistryStore]:
    store = await RegistryStore.open(f"sqlite+aiosqlite:///{tmp_path}/db", SecretCipher(tmp_path / "key"))
    await store.add_plugin(make_record(OLD, SAVED), OLD)
    await met(store, OLD, 1, "redis://127.0.0.1:81")
    yield store
    await store.close()


async def met(store: RegistryStore, release: Release, form: int, default: str = "") -> None:
    """It has been up, and told its form of settings."""
    properties = {"url": {"default": default}} if default else {}
    schema = {"type": "object", "properties": properties}
    manifest = replace(make_manifest(release), settings_schema=schema, settings_version=form)
    await store.record_facts(release.id, manifest, None)


async def taken_over(store: RegistryStore, release: Release = NEW) -> None:
    """As at a gateway's start with other files: without a rollout."""
    await store.add_release(release)
    await store.update_plugin(ID, release_id=release.id)
    await met(store, release, 2)


def granted(store: RegistryStore, release: Release = NEW) -> tuple[set[str], tuple[str, ...]]:
    relays, one = Heard(), instance_id(release.id, 0)
    egress = Egress(store, relays)
    egress.follow([(one, ID, release.id)])
    status = egress.status(one)
    assert status is not None
    return {str(each) for each in relays.wanted[one]}, status.unmet


async def test_what_they_named_for_the_earlier_release_may_be_reached_until_they_are_saved_anew(
    store: RegistryStore,
) -> None:
    await taken_over(store)
    # And neither what the earlier one reached by itself, nor what other settings hold.
    assert granted(store) == ({"cache:6379", "new.example:2"}, ())
    servers = {"servers": {"one": {"url": "redis://other"}}}
    await store.update_plugin(ID, settings=replace(SAVED, values=servers, schema_version=2, revision=4))
    assert granted(store) == ({"other:6379", "new.example:2"}, ())


async def test_a_release_that_reaches_nothing_by_settings_gets_nothing_of_them(store: RegistryStore) -> None:
    fixed = replace(NEW, permissions=Permissions(egress=("new.example:2",)))
    await taken_over(store, fixed)
    assert granted(store, fixed) == ({"new.example:2"}, ())


@pytest.mark.parametrize(
    ("tier", "found"),
    [(Tier.BUILT_IN, {"127.0.0.1:81", "new.example:2"}), (Tier.EXTERNAL, {"new.example:2"})],
    ids=["shipped", "external"],
)
async def test_a_default_of_the_earlier_release_is_carried_over_where_it_is_shipped(
    store: RegistryStore, tier: Tier, found: set[str]
) -> None:
    await store.update_plugin(ID, settings=PluginSettings())
    release = replace(NEW, tier=tier)
    await taken_over(store, release)
    assert granted(store, release) == (found, ())


async def test_a_candidate_that_never_took_over_is_no_release_that_they_were_saved_with(
    store: RegistryStore,
) -> None:
    await store.add_release(STRANGE)
    await met(store, STRANGE, 1)
    tried = Rollout(
        id="r", plugin_id=ID, stable=OLD.id, candidate=STRANGE.id, plan=Plan(), phase=Phase.ROLLED_BACK
    )
    await store.put_rollout(
        RolloutRecord(id="r", plugin_id=ID, live=False, document=encode(tried), created_at=1.0), ""
    )
    await taken_over(store)
    assert granted(store) == ({"cache:6379", "new.example:2"}, ())
    await store.forget(ID, releases=[OLD.id])
    destinations, unmet = granted(store)
    assert destinations == {"new.example:2"}
    assert "save them again" in unmet[0]


async def test_further_permissions_that_nobody_agreed_to_carry_nothing_over(store: RegistryStore) -> None:
    await store.add_release(NEW)
    await met(store, NEW, 2)
    held = Rollout(id="r", plugin_id=ID, stable=OLD.id, candidate=NEW.id, plan=Plan(), phase=Phase.PAUSED)
    for rollout, expected in ((held, set()), (replace(held, approved=True), {"cache:6379", "new.example:2"})):
        record = RolloutRecord(
            id="r", plugin_id=ID, live=True, document=encode(rollout), before=SAVED, created_at=1.0
        )
        await store.put_rollout(record, "")
        assert granted(store)[0] == expected
        assert granted(store, OLD)[0] == {"cache:6379", "fixed.example:1"}


async def test_the_release_that_they_were_saved_with_is_kept_until_they_are_saved_anew(
    store: RegistryStore,
) -> None:
    await store.add_release(NEW)
    await store.update_plugin(ID, release_id=NEW.id)
    assert used_releases(store, ID) == {OLD.id, NEW.id}, "its form is not known before its first start"
    await met(store, NEW, 2)
    assert used_releases(store, ID) == {OLD.id, NEW.id}
    await store.update_plugin(ID, settings=replace(SAVED, schema_version=2, revision=4))
    assert used_releases(store, ID) == {NEW.id}


async def test_what_nobody_saved_is_in_no_earlier_form(store: RegistryStore) -> None:
    await taken_over(store)
    now, nothing = store.release(NEW.id), PluginSettings()
    assert in_form(store, now, SAVED) == SAVED
    assert in_form(store, now, nothing) == nothing, "defaults of the release before are to be carried over"
    await store.forget(ID, releases=[OLD.id])
    assert saved_with(store, ID, nothing, NEW.id) is None
    assert in_form(store, now, nothing).schema_version == 2
    assert in_form(store, now, SAVED) == SAVED
