"""Settings that are stored in the form of an earlier release: which one that was, and what follows.

The gateway cannot turn one form into another: the plugin does, each time that it is given them. So what
such settings name is read as the earlier release was granted it, see :mod:`gateway.supervisor.egress`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gateway.errors import NotFound
from gateway.model import PluginId, ReleaseId
from gateway.registry.records import PluginSettings, ReleaseRecord
from gateway.registry.store import RegistryStore
from gateway.supervisor.rollout import Phase
from gateway.supervisor.rollout_codec import decode


def is_earlier(record: ReleaseRecord, settings: PluginSettings) -> bool:
    """Whether the release has another form of settings since, and reads this one."""
    manifest = record.manifest
    return (
        manifest is not None
        and manifest.settings_reads_from <= settings.schema_version < manifest.settings_version
    )


def never_saved(settings: PluginSettings) -> bool:
    return not settings.values and not settings.secrets


def saved_with(
    store: RegistryStore, plugin: PluginId, settings: PluginSettings, now: ReleaseId
) -> ReleaseRecord | None:
    """The release before ``now`` whose form these settings have; the last one that was in use.

    A candidate that never took over does not count: nobody may ever have agreed to what it asks for.
    """
    for release in _were_in_use(store, plugin):
        if release == now:
            continue
        try:
            known = store.release(release)
        except NotFound:
            continue
        if known.manifest is not None and known.manifest.settings_version == settings.schema_version:
            return known
    return None


def in_form(store: RegistryStore, record: ReleaseRecord, settings: PluginSettings) -> PluginSettings:
    """As the release is to be given them: what nobody ever saved is in no earlier form, but in its own."""
    if not never_saved(settings) or record.manifest is None or not is_earlier(record, settings):
        return settings
    if saved_with(store, record.release.plugin_id, settings, record.release.id) is not None:
        return settings  # Its defaults were in use, and are the migration's to carry over.
    return replace(settings, schema_version=record.manifest.settings_version)


def _were_in_use(store: RegistryStore, plugin: PluginId) -> Iterator[ReleaseId]:
    """Newest first: the stable sides of rollouts, then what was taken over without one."""
    tried = set()
    for record in store.rollouts(plugin):
        rollout = decode(record)
        yield rollout.stable
        if rollout.phase is not Phase.SUCCEEDED:
            tried.add(rollout.candidate)
    others = [known for known in store.releases(plugin) if known.release.id not in tried]
    for known in sorted(others, key=lambda known: known.added_at, reverse=True):
        yield known.release.id
