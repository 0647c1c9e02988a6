"""The contract diff of a rollout: once, in a thread, and anew where a manifest is another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.model import Manifest, Permissions
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from gateway.supervisor.findings import Findings
from gateway.supervisor.rollout import Plan, Rollout
from tests.samples import make_record, make_release

OLD, NEW = make_release("notes"), make_release("notes", "2.0.0")
MOVE = Rollout(id="r", plugin_id=OLD.plugin_id, stable=OLD.id, candidate=NEW.id, plan=Plan())


def said(version: str, *paths: str) -> Manifest:
    routes: dict[str, Any] = {path: {"get": {"responses": {}}} for path in paths}
    return Manifest(plugin_id=OLD.plugin_id, version=version, name="Notes", openapi={"paths": routes})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[RegistryStore]:
    store = await RegistryStore.open(f"sqlite+aiosqlite:///{tmp_path}/db", SecretCipher(tmp_path / "key"))
    await store.add_plugin(make_record(OLD), OLD)
    await store.add_release(NEW)
    yield store
    await store.close()


async def test_nothing_is_known_before_it_was_made(store: RegistryStore) -> None:
    findings = Findings(store)
    await findings.make(MOVE)
    assert findings.of(MOVE) is None, "the candidate has not said what it is"
    await store.record_facts(NEW.id, said("2.0.0", "/a"), None)
    assert findings.of(MOVE) == (), "the old one promised nothing"
    await store.record_facts(OLD.id, said("1.0.0", "/a", "/b"), None)
    assert findings.of(MOVE) is None
    await findings.make(MOVE)
    assert findings.of(MOVE) == ("route GET /b was removed",)
    findings.keep([])
    assert findings.of(MOVE) is None


async def test_a_change_of_settings_takes_nothing_away(store: RegistryStore) -> None:
    await store.record_facts(OLD.id, said("1.0.0", "/a"), None)
    assert Findings(store).of(replace(MOVE, candidate=OLD.id)) == ()


async def test_what_a_release_is_granted_counts_though_it_does_not_speak_of_it(tmp_path: Path) -> None:
    store = await RegistryStore.open(f"sqlite+aiosqlite:///{tmp_path}/db", SecretCipher(tmp_path / "key"))
    await store.add_plugin(make_record(OLD), OLD)
    wider = Permissions(egress=("evil.example:443",), origins=("img-src https://evil.example",))
    await store.add_release(replace(NEW, permissions=wider))
    for release in (OLD, NEW):
        await store.record_facts(release.id, said(release.version), None)
    findings = Findings(store)
    await findings.make(MOVE)
    assert findings.of(MOVE) == (
        "new permission: may connect to evil.example:443",
        "new permission: its page may load pictures from https://evil.example",
    )
    await store.close()
