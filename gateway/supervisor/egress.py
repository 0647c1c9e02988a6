"""Which destinations each instance may reach now, told to the relays."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from gateway.egress.destinations import Destination
from gateway.egress.grants import Grants, granted, of_settings
from gateway.egress.relay import RelayStatus
from gateway.errors import NotFound
from gateway.home import Home
from gateway.model import InstanceId, Manifest, Permissions, PluginId, ReleaseId, Tier
from gateway.registry.records import PluginSettings, ReleaseRecord
from gateway.registry.store import RegistryStore
from gateway.runtimes.base import Runtime
from gateway.settings import Settings
from gateway.supervisor.consent import permitted
from gateway.supervisor.settings_form import is_earlier, never_saved, saved_with
from gateway.supervisor.settings_sides import settings_of

if TYPE_CHECKING:
    from gateway.egress.relays import Relays

TRIAL = 30.0
"""Seconds for which settings that are being judged grant what they name, so that they can be tried."""


class RelaySet(Protocol):
    """:class:`gateway.egress.relays.Relays`, or nothing where instances have a network anyway."""

    def apply(self, wanted: Mapping[InstanceId, frozenset[Destination]]) -> None: ...

    def status(self, instance: InstanceId) -> RelayStatus | None: ...


class NoRelays:
    """Where instances reach the network by themselves."""

    def apply(self, wanted: Mapping[InstanceId, frozenset[Destination]]) -> None:
        pass

    def status(self, instance: InstanceId) -> RelayStatus | None:
        return None


async def open_relays(
    stack: AsyncExitStack, runtime: Runtime, home: Home, settings: Settings
) -> Relays | None:
    """None where what plugins connect to is not held by a relay: processes, or networks by choice."""
    if runtime.name != "docker" or settings.docker_egress != "relay":
        return None
    from gateway.egress.relays import Relays
    from gateway.runtimes.docker_spec import owner

    relays = Relays(home, settings, owner())
    await asyncio.to_thread(relays.start)
    stack.push_async_callback(asyncio.to_thread, relays.close)
    return relays


Running = tuple[InstanceId, PluginId, ReleaseId]


class Egress:
    """Level-triggered: :meth:`follow` says what there is, everything else only repeats it."""

    def __init__(self, store: RegistryStore, relays: RelaySet) -> None:
        self._store = store
        self._relays = relays
        self._instances: tuple[Running, ...] = ()
        self._trials: dict[InstanceId, PluginSettings] = {}
        self._unmet: dict[InstanceId, tuple[str, ...]] = {}
        self._ends: dict[InstanceId, asyncio.TimerHandle] = {}

    def follow(self, instances: Iterable[Running]) -> None:
        """All instances that are wanted or still run; those that drain keep their connections."""
        self._instances = tuple(dict.fromkeys(instances))
        self.refresh()

    def refresh(self) -> None:
        """The settings or the facts of a release may have changed."""
        wanted = {}
        for instance, plugin, release in self._instances:
            try:
                found = self._grants(instance, plugin, release)
            except NotFound:
                continue  # Uninstalled a moment ago.
            if found is not None:
                wanted[instance] = found.destinations
                self._unmet[instance] = found.problems
        for gone in self._unmet.keys() - wanted.keys():
            del self._unmet[gone]
        self._relays.apply(wanted)

    def try_out(self, instance: InstanceId, settings: PluginSettings) -> None:
        """Let the instance reach for a moment what ``settings`` name, as an operator asks it to."""
        if (earlier := self._ends.pop(instance, None)) is not None:
            earlier.cancel()
        self._trials[instance] = settings
        self._ends[instance] = asyncio.get_running_loop().call_later(TRIAL, self._end_trial, instance)
        self.refresh()

    def _end_trial(self, instance: InstanceId) -> None:
        self._ends.pop(instance, None)
        self._trials.pop(instance, None)
        self.refresh()

    def status(self, instance: InstanceId) -> RelayStatus | None:
        status = self._relays.status(instance)
        return None if status is None else replace(status, unmet=self._unmet.get(instance, ()))

    def close(self) -> None:
        for handle in self._ends.values():
            handle.cancel()
        self._ends.clear()

    def _grants(self, instance: InstanceId, plugin: PluginId, release: ReleaseId) -> Grants | None:
        """None for an instance that may reach nothing, whatever the settings say."""
        record = self._store.release(release)
        if not record.release.permissions.egress:
            return None
        allowed = permitted(self._store, instance, record.release)
        settings = settings_of(self._store, plugin, instance)
        found = self._in_force(record, allowed, settings)
        trial = self._trials.get(instance)
        # Once they, or later ones, are in force, there is nothing left to try.
        if trial is not None and trial.revision > settings.revision:
            found |= _granted(record, allowed, trial)
        held = record.release.permissions.exceeds(allowed).egress
        waiting = tuple(f"{each}: nobody has agreed to it yet" for each in held)
        return replace(found, problems=(*found.problems, *waiting))

    def _in_force(self, record: ReleaseRecord, allowed: Permissions, settings: PluginSettings) -> Grants:
        """Also where the settings still have the form of an earlier release.

        What they named for that one was granted to the plugin, and stays so for a release that may
        reach what settings name. Only the gateway reads them: the plugin's migration adds nothing.
        """
        found = _granted(record, allowed, settings)
        if not is_earlier(record, settings) or not of_settings(allowed.egress):
            return found
        before = saved_with(self._store, record.release.plugin_id, settings, record.release.id)
        if before is None:
            return found if never_saved(settings) else replace(found, problems=(*found.problems, _FORGOTTEN))
        wanted = Permissions(egress=of_settings(before.release.permissions.egress))
        shipped = record.release.tier is Tier.BUILT_IN
        kept = _granted(before, wanted, settings, defaults=shipped)
        # In the new form they may well name nothing.
        problems = [each for each in found.problems if not of_settings([each])]
        return replace(found | kept, problems=(*problems, *kept.problems))


_FORGOTTEN = (
    "the settings: they were saved in the form of a release that is forgotten, so nobody knows what they "
    "name; save them again"
)


def _granted(
    record: ReleaseRecord, allowed: Permissions, settings: PluginSettings, *, defaults: bool = True
) -> Grants:
    values = dict(settings.values)
    if defaults and record.release.tier is Tier.BUILT_IN:
        # What is shipped with the gateway may be reached by default; a stranger's default is no grant.
        values = {**_defaults(record.manifest), **values}
    return granted(allowed.egress, values, settings.secrets)


def _defaults(manifest: Manifest | None) -> dict[str, Any]:
    properties = (manifest.settings_schema or {}).get("properties", {}) if manifest else {}
    return {
        name: schema["default"]
        for name, schema in properties.items()
        if isinstance(schema, Mapping) and "default" in schema
    }
