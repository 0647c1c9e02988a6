"""A change of settings that needs a restart: a rollout from the old settings to the new ones.

A second instance of the same release starts with the new settings beside the old one. It is
verified, calls are switched to it, and the old one drains; where it fails, the old settings go on.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from gateway.contract.client import ConfigureResult
from gateway.errors import Conflict
from gateway.model import PluginId, RemoteArtifact
from gateway.registry.records import PluginRecord, PluginSettings, RolloutRecord
from gateway.registry.store import RegistryStore
from gateway.supervisor import rollout_commands as commands
from gateway.supervisor.rollout import Phase, Plan, Rollout, Strategy
from gateway.supervisor.rollout_codec import decode
from gateway.supervisor.rollout_request import RolloutOptions, make_plan
from gateway.supervisor.rollouts import Rollouts
from gateway.supervisor.settings_sides import free_slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured(ConfigureResult):
    """``rollout`` names the one that brings the settings in; empty where they are in force already."""

    rollout: str = ""


class SettingsHeld(Conflict):
    """A rollout is under way, and these settings cannot be changed beside it."""

    key, title = "settings-held", "The settings cannot be changed now"


class SettingsMoves:
    """To be called by whoever holds the turn of the plugin."""

    def __init__(self, store: RegistryStore, rollouts: Rollouts) -> None:
        self._store = store
        self._rollouts = rollouts

    def live(self, id_: PluginId) -> Rollout | None:
        found = self._rollouts.live(id_)
        return decode(found) if found else None

    def check(self, id_: PluginId, *, restart: bool) -> None:
        """Raises :class:`SettingsHeld` where a rollout under way stands against the change.

        While a release is moved, settings are those of the candidate and go back with it.
        """
        live = self.live(id_)
        if live is None or live.changes_settings:
            return
        if live.phase in (Phase.ABORTING, Phase.ROLLBACK_PAUSED):
            why = f"Rollout {live.id} of {id_} is {live.phase}, and the settings go back with it."
        elif restart:
            why = f"These settings need a restart of {id_}, and rollout {live.id} of it is under way."
        else:
            return
        hint = f"Wait until it has ended, promote or abort it: plugway status {id_}"
        raise SettingsHeld(why, plugin=id_, hint=hint)

    def possible(self, record: PluginRecord) -> bool:
        """Whether a second instance can be started here."""
        return not isinstance(self._store.release(record.release_id).release.artifact, RemoteArtifact)

    async def begin(
        self,
        id_: PluginId,
        settings: PluginSettings,
        plan: Plan | None = None,
        *,
        is_rollback: bool = False,
    ) -> RolloutRecord:
        """The rollout that moves to ``settings``; one that is at earlier settings ends for it.

        Raises ``RolloutRefused`` where that one has switched already.
        """
        if (live := self.live(id_)) is not None:
            await self._rollouts.command(live.id, lambda r, _: commands.supersede(r, self._rollouts.now))
        record = self._store.plugin(id_)
        version = self._store.release(record.release_id).release.version
        rollout = Rollout(
            id=f"{id_}-{secrets.token_hex(4)}",
            plugin_id=id_,
            stable=record.release_id,
            candidate=record.release_id,
            stable_slot=record.slot,
            candidate_slot=free_slot(record, self._store.rollouts(id_)),
            stable_version=version,
            candidate_version=version,
            plan=plan or _plan(record),
            is_rollback=is_rollback,
        )
        settings = replace(settings, revision=record.settings.revision + 1)
        return await self._rollouts.begin(rollout, settings)


def _plan(record: PluginRecord) -> Plan:
    """Always at once, in the plugin's own times: a share of sessions on other settings would be odd."""
    usual = make_plan(RolloutOptions(), record.rollout_defaults)
    return Plan(strategy=Strategy.DIRECT, timing=usual.timing)
