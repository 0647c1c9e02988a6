"""Copies of a plugin on authors' machines, each for the calls of one user alone.

A copy is held by whoever asked for it, for as long as they hold on: nothing of it is stored, and with
its holder or with this gateway it is gone, and the user meets what everybody meets.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from gateway.contract.client import Health, Introduction, PluginClient
from gateway.contract.errors import ContractError, NotAnswering
from gateway.digests import make_release
from gateway.errors import Unavailable
from gateway.model import (
    Endpoint,
    InstanceId,
    PluginId,
    Release,
    RemoteArtifact,
    Source,
    Tier,
    UiType,
)
from gateway.registry.boards import EventBoard
from gateway.registry.records import ReleaseRecord
from gateway.routing import Personal, Target
from gateway.supervisor.attach import get_facts, hand_over_settings, refusal
from gateway.supervisor.desired import remote_endpoint
from gateway.supervisor.meeting import Surroundings
from gateway.supervisor.plan import DesiredRelease
from gateway.supervisor.remote_tls import remote_tls
from gateway.supervisor.views import target_of

_LOOK = 1.0
_SOON = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyNews:
    """``reason`` is empty where the user's calls go to the copy now."""

    healthy: bool
    reason: str = ""


class Copies:
    """``tell`` is called with a plugin when what there is of it has changed."""

    def __init__(self, around: Surroundings, events: EventBoard, tell: Callable[[PluginId], None]) -> None:
        self._around = around
        self._events = events
        self._tell = tell
        self._held: dict[tuple[PluginId, str], tuple[object, Personal]] = {}

    def of(self, plugin: PluginId) -> tuple[Personal, ...]:
        return tuple(own for (id_, _), (_, own) in sorted(self._held.items()) if id_ == plugin)

    async def hold(self, plugin: PluginId, user: str, artifact: RemoteArtifact) -> AsyncIterator[CopyNews]:
        """Send ``user`` there until this is closed. A later one for the same user takes over once it serves.

        Raises ``UnknownPlugin``, also where the plugin is uninstalled meanwhile.
        """
        self._around.store.plugin(plugin)
        holder, key = object(), (plugin, user)
        release = _release(plugin, artifact)
        self._events.emit("plugin.copy", plugin, user=user, held=True)
        try:
            async for news, target in self._follow(release, artifact):
                if news.healthy or key not in self._held or self._held[key][0] is holder:
                    self._held[key] = holder, Personal(user=user, target=target, reason=news.reason)
                    self._tell(plugin)
                yield news
        finally:
            if key in self._held and self._held[key][0] is holder:
                del self._held[key]
                self._events.emit("plugin.copy", plugin, user=user, held=False)
                self._tell(plugin)

    async def _follow(
        self, release: Release, artifact: RemoteArtifact
    ) -> AsyncIterator[tuple[CopyNews, Target]]:
        """What it is, whenever that changes."""
        plugin = release.plugin_id
        tls = await asyncio.to_thread(remote_tls, self._around.settings.home, artifact)
        endpoint = remote_endpoint(InstanceId(f"{release.id}-copy"), plugin, artifact, tls)
        away = target_of(ReleaseRecord(release=release), None, DesiredRelease(release_id=release.id))
        told: CopyNews | None = None
        while True:
            client = PluginClient(endpoint)
            try:
                async for news, target in self._meet(client, endpoint, release):
                    if news != told:
                        told = news
                        yield news, target
            except (ContractError, Unavailable) as error:
                news = CopyNews(healthy=False, reason=f"The copy of {plugin} is away: {error.detail}")
                if news != told:
                    told = news
                    yield news, away
            finally:
                await client.close()
            await asyncio.sleep(_SOON)

    async def _meet(
        self, client: PluginClient, endpoint: Endpoint, release: Release
    ) -> AsyncIterator[tuple[CopyNews, Target]]:
        """Until it is away; raises :class:`ContractError`. Settings and keys reach it as they change."""
        around, plugin = self._around, release.plugin_id
        facts = None
        known: object = None
        while True:
            health = await client.check(plugin, around.settings.check_timeout)
            if health is not Health.SERVING:
                raise NotAnswering("It says that it is not serving.")
            if facts is None:
                facts = await get_facts(
                    client, ReleaseRecord(release=release), endpoint.instance_id, around.content
                )
            settings, keys = around.store.plugin(plugin).settings, around.call_keys()
            if known != (settings.revision, keys):
                introduction = Introduction(call_keys=keys, release_id=release.id)
                result = await hand_over_settings(client, facts.manifest, settings, introduction)
                known = settings.revision, keys
                reason = refusal(result, plugin)
                record = ReleaseRecord(release=release, manifest=facts.manifest, ui=facts.ui)
                serving = None if reason else endpoint
                wanted = DesiredRelease(release_id=release.id)
                yield CopyNews(healthy=not reason, reason=reason), target_of(record, serving, wanted)
            await asyncio.sleep(_LOOK)


def _release(plugin: PluginId, artifact: RemoteArtifact) -> Release:
    return make_release(
        plugin_id=plugin, version="", name=plugin, source=Source.REMOTE, tier=Tier.EXTERNAL,
        artifact=artifact, ui_type=UiType.NONE,
    )  # fmt: skip
