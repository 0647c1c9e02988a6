"""A look at the rollouts and an operator's word at the same time: neither is lost, on a real registry."""

from __future__ import annotations

import asyncio

import pytest

from gateway.clock import SteadyClock
from gateway.definition import PluginDefinition
from gateway.home import Home
from gateway.model import ReleaseId
from gateway.registry.boards import EventBoard, OutcomeBoard, SnapshotBoard
from gateway.registry.records import PluginRecord
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from gateway.supervisor import rollout_commands as commands
from gateway.supervisor.rollout import Phase, Plan, Rollout
from gateway.supervisor.rollout_codec import decode
from gateway.supervisor.rollouts import Rollouts
from tests.faults.supervised import odd


@pytest.mark.parametrize("first", ["look", "abort"])
async def test_an_abort_is_not_overwritten_by_a_look(home: Home, first: str) -> None:
    cipher = await asyncio.to_thread(SecretCipher, home.path / "keys" / "settings.key")
    store = await RegistryStore.open(f"sqlite+aiosqlite:///{home.path / 'plugway.db'}", cipher)
    try:
        await judge(store, first)
    finally:
        await store.close()


async def judge(store: RegistryStore, first: str) -> None:
    stable, candidate = odd("good", "mover"), odd("slow", "mover")
    definition = PluginDefinition(id="mover")
    record = PluginRecord(id=stable.plugin_id, definition=definition, release_id=stable.id)
    await store.add_plugin(record, stable)
    await store.add_release(candidate)
    clock, snapshots = SteadyClock(), SnapshotBoard(epoch=store.epoch)
    rollouts = Rollouts(store, snapshots, OutcomeBoard(), EventBoard(), {}, clock, wake=lambda: None)
    begun = rollout(stable.id, candidate.id)
    await rollouts.begin(begun)
    acts = {
        "look": rollouts.look(),
        "abort": rollouts.command(begun.id, lambda r, seen: commands.abort(r, seen, clock.now())),
    }
    await asyncio.gather(*sorted(acts.values(), key=lambda act: act is not acts[first]))
    kept = rollouts.find(begun.id)
    assert decode(kept).phase is Phase.ABORTING
    assert kept.timeline[-1]["phase"] == "aborting"


def rollout(stable: ReleaseId, candidate: ReleaseId) -> Rollout:
    plugin = odd("good", "mover").plugin_id
    return Rollout(id="r1", plugin_id=plugin, stable=stable, candidate=candidate, plan=Plan())
