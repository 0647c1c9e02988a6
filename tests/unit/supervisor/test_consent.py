"""What an instance may do until somebody agrees to what its release wants. The registry is a real one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.model import InstanceId, Permissions, Release
from gateway.registry.records import RolloutRecord
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from gateway.supervisor.consent import further, permitted
from gateway.supervisor.plan import instance_id
from gateway.supervisor.rollout import Phase, Plan, Rollout
from gateway.supervisor.rollout_codec import encode
from tests.samples import make_record, make_release

LESS = Permissions(egress=("a.example:1", "b.example:2"), volumes=("one",))
MORE = Permissions(egress=("b.example:2", "c.example:3"), volumes=("one", "two"))
SHARED = Permissions(egress=("b.example:2",), volumes=("one",))
FURTHER = ("new permission: may connect to c.example:3", "new permission: keeps data in volume two")
OLD = replace(make_release("notes"), permissions=LESS)
NEW = replace(make_release("notes", "2.0.0"), permissions=MORE)
HELD = Rollout(
    id="r", plugin_id=OLD.plugin_id, stable=OLD.id, candidate=NEW.id, plan=Plan(), phase=Phase.PAUSED
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[RegistryStore]:
    store = await RegistryStore.open(f"sqlite+aiosqlite:///{tmp_path}/db", SecretCipher(tmp_path / "key"))
    await store.add_plugin(make_record(OLD), OLD)
    await store.add_release(NEW)
    yield store
    await store.close()


async def keep(store: RegistryStore, rollout: Rollout, at: float = 1.0) -> None:
    now = store.plugin(rollout.plugin_id).settings
    record = RolloutRecord(
        id=rollout.id,
        plugin_id=rollout.plugin_id,
        live=rollout.live,
        document=encode(rollout),
        before=now,
        created_at=at,
    )
    await store.put_rollout(record, "")


def first(release: Release) -> InstanceId:
    return instance_id(release.id, 0)


async def test_a_candidate_has_what_the_stable_release_has_until_somebody_agrees(
    store: RegistryStore,
) -> None:
    await keep(store, HELD)
    assert further(store, HELD) == FURTHER
    assert permitted(store, first(NEW), NEW) == SHARED
    assert permitted(store, first(OLD), OLD) == LESS
    await keep(store, replace(HELD, agreed=FURTHER[:1]))
    assert permitted(store, first(NEW), NEW) == SHARED, "all of it, or nothing"
    await keep(store, replace(HELD, agreed=FURTHER))
    assert permitted(store, first(NEW), NEW) == MORE
    await keep(store, replace(HELD, approved=True))
    assert permitted(store, first(NEW), NEW) == MORE


@pytest.mark.parametrize("phase", [Phase.ABORTING, Phase.ROLLED_BACK, Phase.SUPERSEDED])
async def test_one_that_is_let_go_does_not_get_it_at_its_end(store: RegistryStore, phase: Phase) -> None:
    await keep(store, replace(HELD, phase=phase))
    assert permitted(store, first(NEW), NEW) == SHARED


async def test_the_newest_answer_counts(store: RegistryStore) -> None:
    await keep(store, replace(HELD, approved=True, phase=Phase.ROLLED_BACK))
    await keep(store, replace(HELD, id="later"), at=2.0)
    assert permitted(store, first(NEW), NEW) == SHARED


async def test_what_is_in_use_has_all_that_it_was_granted(store: RegistryStore) -> None:
    """However a rollout to it has ended once."""
    await keep(store, replace(HELD, phase=Phase.ROLLED_BACK))
    await store.update_plugin(OLD.plugin_id, release_id=NEW.id)
    assert permitted(store, first(NEW), NEW) == MORE
