"""Which settings an instance has: the two sides of a rollout may differ in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.model import InstanceId, PluginId, ReleaseId
from gateway.registry.records import PluginRecord, PluginSettings, RolloutRecord
from gateway.registry.store import RegistryStore
from gateway.supervisor.rollout import Phase
from gateway.supervisor.rollout_codec import decode
from gateway.supervisor.rollout_desired import instances


def settings_of(store: RegistryStore, plugin: PluginId, instance: InstanceId) -> PluginSettings:
    """The plugin's; but what was in force before, for the stable side of a rollout under way."""
    held = held_settings(store.rollouts(plugin), instance)
    return store.plugin(plugin).settings if held is None else held


def held_settings(history: Sequence[RolloutRecord], instance: InstanceId) -> PluginSettings | None:
    """The settings that the stable side of a live rollout keeps; None for any other instance."""
    for record in history:
        if record.live and record.before is not None:
            stable, _ = instances(decode(record))
            if instance == stable:
                return record.before
    return None


def settings_with(release: ReleaseId, history: Sequence[RolloutRecord]) -> PluginSettings | None:
    """What was in force when ``release`` was last taken over from; ``history`` is newest first."""
    for record in history:
        rollout = decode(record)
        left = rollout.phase is Phase.SUCCEEDED and not rollout.changes_settings
        if left and rollout.stable == release:
            return record.before
    return None


def restored(now: PluginSettings, earlier: PluginSettings | None) -> PluginSettings:
    """Put ``earlier`` into force again, as a revision of its own: no two contents share a number."""
    if earlier is None or same_settings(now, earlier):
        return now
    return replace(earlier, revision=now.revision + 1)


def same_settings(one: PluginSettings, other: PluginSettings) -> bool:
    return replace(one, revision=0) == replace(other, revision=0)


def free_slot(record: PluginRecord, history: Sequence[RolloutRecord]) -> int:
    """One that no instance of the release in use ever had, as far as is remembered."""
    tried = (decode(kept) for kept in history)
    slots = [rollout.candidate_slot for rollout in tried if rollout.candidate == record.release_id]
    return 1 + max([record.slot, *slots])
