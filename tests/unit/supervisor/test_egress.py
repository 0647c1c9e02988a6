"""Which destinations an instance is granted, from the registry as it stands. The registry is a real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.egress.destinations import Destination
from gateway.egress.relay import RelayStatus
from gateway.model import InstanceId, Permissions, PluginId, Release, Tier
from gateway.registry.records import PluginSettings
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from gateway.supervisor import egress
from gateway.supervisor.egress import Egress
from tests.samples import make_manifest, make_record, make_release

ONE = InstanceId("notes.1.0")
NOTES = PluginId("notes")


class Heard:
    """In the place of the relays: keeps what it was told last."""

    def __init__(self) -> None:
        self.wanted: Mapping[InstanceId, frozenset[Destination]] = {}

    def apply(self, wanted: Mapping[InstanceId, frozenset[Destination]]) -> None:
        self.wanted = dict(wanted)

    def status(self, instance: InstanceId) -> RelayStatus | None:
        return RelayStatus() if instance in self.wanted else None

    @property
    def granted(self) -> set[str]:
        return {str(one) for one in self.wanted[ONE]}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[RegistryStore]:
    cipher = SecretCipher(tmp_path / "secrets.key")
    opened = await RegistryStore.open(f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}", cipher)
    yield opened
    await opened.close()


def settings(revision: int, **values: Any) -> PluginSettings:
    return PluginSettings(values=values, secrets={"/dsn": "redis://:pw@cache/0"}, revision=revision)


async def add(store: RegistryStore, now: PluginSettings, *wanted: str, tier: Tier = Tier.BUILT_IN) -> Release:
    release = replace(make_release(), permissions=Permissions(egress=wanted), tier=tier)
    await store.add_plugin(make_record(release, now), release)
    schema = {"type": "object", "properties": {"url": {"default": "http://127.0.0.1:81"}}}
    manifest = replace(make_manifest(release), settings_schema=schema)
    await store.record_facts(release.id, manifest, None)
    return release


async def test_settings_secrets_and_the_permission_itself_name_destinations(store: RegistryStore) -> None:
    now = settings(1, url="https://api.example/v1", bad="no port")
    wanted = ("settings:/url", "settings:/dsn", "fixed.example:25", "settings:/bad")
    release = await add(store, now, *wanted)
    relays = Heard()
    grants = Egress(store, relays)
    grants.follow([(ONE, NOTES, release.id)])
    assert relays.granted == {"api.example:443", "cache:6379", "fixed.example:25"}
    status = grants.status(ONE)
    assert status is not None
    assert status.unmet == ("settings:/bad: the setting names no port",)
    await store.update_plugin(NOTES, settings=settings(2, url="https://other.example"))
    grants.refresh()
    assert relays.granted == {"other.example:443", "cache:6379", "fixed.example:25"}


@pytest.mark.parametrize(("tier", "granted"), [(Tier.BUILT_IN, {"127.0.0.1:81"}), (Tier.EXTERNAL, set())])
async def test_a_default_is_a_grant_only_of_what_is_shipped(
    store: RegistryStore, tier: Tier, granted: set[str]
) -> None:
    release = await add(store, settings(0), "settings:/url", tier=tier)
    relays = Heard()
    Egress(store, relays).follow([(ONE, NOTES, release.id)])
    assert relays.granted == granted


async def test_settings_that_are_tried_may_be_reached_until_they_are_in_force(
    store: RegistryStore,
) -> None:
    release = await add(store, settings(1, url="http://old"), "settings:/url")
    relays = Heard()
    grants = Egress(store, relays)
    grants.follow([(ONE, NOTES, release.id)])
    tried = settings(2, url="http://new")
    grants.try_out(ONE, tried)
    assert relays.granted == {"old:80", "new:80"}, "calls under way go on"
    await store.update_plugin(NOTES, settings=tried)
    grants.refresh()
    assert relays.granted == {"new:80"}
    await store.update_plugin(NOTES, settings=settings(3, url="http://third"))
    grants.refresh()
    assert relays.granted == {"third:80"}, "what was tried once is not granted for good"
    grants.close()


async def test_settings_that_were_only_tried_are_reached_for_a_moment(
    store: RegistryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress, "TRIAL", 0.05)
    release = await add(store, settings(1, url="http://old"), "settings:/url")
    relays = Heard()
    grants = Egress(store, relays)
    grants.follow([(ONE, NOTES, release.id)])
    grants.try_out(ONE, settings(2, url="http://internal:22"))
    assert relays.granted == {"old:80", "internal:22"}
    await asyncio.sleep(0.2)
    assert relays.granted == {"old:80"}


async def test_one_that_asked_for_nothing_has_no_relay_and_one_that_is_gone_none_either(
    store: RegistryStore,
) -> None:
    release = await add(store, settings(1, url="http://old"))
    relays = Heard()
    grants = Egress(store, relays)
    grants.follow([(ONE, NOTES, release.id)])
    assert relays.wanted == {}
    await store.remove_plugin(NOTES)
    grants.refresh()
    assert relays.wanted == {}
