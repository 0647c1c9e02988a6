"""How an instance is asked for its health: by its rollout, else its plugin, else the gateway."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model import InstanceId, PluginId
from gateway.registry.store import RegistryStore
from gateway.settings import Settings
from gateway.supervisor.rollout import Rollout
from gateway.supervisor.rollout_codec import decode
from gateway.supervisor.rollout_desired import instances
from gateway.supervisor.rollout_request import RolloutOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    """In seconds: the pause between two probes, the time for one, and for the first good one."""

    interval: float
    timeout: float
    startup: float


def probing_of(store: RegistryStore, settings: Settings, plugin: PluginId, instance: InstanceId) -> Probing:
    """What holds now; raises ``UnknownPlugin``."""
    own = RolloutOptions.model_validate(store.plugin(plugin).rollout_defaults)
    moved = _moved_to(store, plugin, instance)
    asked = moved.plan.timing if moved else own
    return Probing(
        interval=asked.probe_interval or settings.check_interval,
        timeout=asked.probe_timeout or settings.check_timeout,
        startup=asked.startup or settings.start_timeout,
    )


def _moved_to(store: RegistryStore, plugin: PluginId, instance: InstanceId) -> Rollout | None:
    """The rollout under way whose candidate it is."""
    live = (decode(record) for record in store.rollouts(plugin) if record.live)
    return next((rollout for rollout in live if instances(rollout)[1] == instance), None)
