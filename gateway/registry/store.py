"""The registry: what is installed and meant to run, in memory to read and in a database to last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, insert, update

from gateway.errors import Internal
from gateway.model import InstanceId, Manifest, PluginId, Release, ReleaseId, RemoteArtifact
from gateway.registry import codec, floors, rollout_rows, tables
from gateway.registry.async_engine import AsyncConnection
from gateway.registry.audit_rows import AuditRows
from gateway.registry.content import Content, Work, insert_release, load
from gateway.registry.database import Database
from gateway.registry.errors import (
    AlreadyInstalled,
    FactsContradict,
    RegistryUnavailable,
)
from gateway.registry.records import (
    Acceptance,
    InstanceRecord,
    PluginRecord,
    ReleaseRecord,
    RolloutRecord,
)
from gateway.registry.secrets import SecretCipher
from gateway.registry.token_rows import TokenRows
from gateway.ui_bundles import UiBundle

Listener = Callable[[PluginId], None]


class RegistryStore:
    """Reads answer from memory; a write is in the database before it is in memory.

    Writes come one after another. A write that failed has changed nothing.
    """

    def __init__(self, database: Database, cipher: SecretCipher, content: Content) -> None:
        self._database = database
        self.tokens = TokenRows(database)
        self.audit = AuditRows(database)
        self._cipher = cipher
        self._content = content
        self._listeners: list[Listener] = []
        self._writing = asyncio.Lock()
        self._doubtful = False

    @classmethod
    async def open(cls, url: str, cipher: SecretCipher) -> RegistryStore:
        """Open and migrate; every opening raises the epoch, and older ones may not write any more."""
        database = await Database.open(url)
        try:
            async with database.read() as connection:
                content = await load(connection, cipher)
        except BaseException:
            await database.close()
            raise
        return cls(database, cipher, content)

    async def close(self) -> None:
        """Waits for a write that is under way."""
        async with self._writing:
            await self._database.close()

    @property
    def epoch(self) -> int:
        return self._database.epoch

    async def ping(self) -> None:
        """Raises :class:`RegistryUnavailable` where the database does not answer."""
        await self._database.ping()

    def plugins(self) -> tuple[PluginRecord, ...]:
        return tuple(self._content.plugins[id_] for id_ in sorted(self._content.plugins))

    def plugin(self, id_: PluginId) -> PluginRecord:
        """Raises :class:`UnknownPlugin`, which names what was perhaps meant."""
        return self._content.plugin(id_)

    def release(self, id_: ReleaseId) -> ReleaseRecord:
        """Raises :class:`UnknownRelease`."""
        return self._content.release(id_)

    def releases(self, plugin_id: PluginId) -> tuple[ReleaseRecord, ...]:
        """Oldest first; raises :class:`UnknownPlugin`."""
        self._content.plugin(plugin_id)
        mine = [r for r in self._content.releases.values() if r.release.plugin_id == plugin_id]
        return tuple(sorted(mine, key=lambda record: record.added_at))

    def instances(self, plugin_id: PluginId | None = None) -> tuple[InstanceRecord, ...]:
        every = self._content.instances.values()
        return tuple(r for r in every if plugin_id is None or r.plugin_id == plugin_id)

    def floor(self, plugin_id: PluginId) -> str:
        """The highest version of it that was ever in use, also where it is not installed; empty for none."""
        return self._content.floors.get(plugin_id, "")

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` after each write, in the event loop; it must neither block nor raise."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def add_plugin(
        self, record: PluginRecord, release: Release, acceptance: Acceptance | None = None
    ) -> None:
        """Install; raises :class:`AlreadyInstalled`. Times that are 0 become now."""
        if record.release_id != release.id or record.id != release.plugin_id:
            raise Internal(f"{record.id} was to be installed with the release of another plugin.")
        now = time.time()
        record = replace(record, installed_at=record.installed_at or now, updated_at=record.updated_at or now)

        async def work(connection: AsyncConnection, content: Content) -> Content:
            if record.id in content.plugins:
                raise AlreadyInstalled(
                    f"{record.id} is installed already.",
                    hint=f"To install it anew: plugway uninstall {record.id} first (its data stays).",
                    plugin=record.id,
                )
            found = ReleaseRecord(release=release, acceptance=acceptance, added_at=now)
            content = await insert_release(connection, content, found)
            content = await floors.raise_floor(connection, content, release)
            row = await asyncio.to_thread(codec.plugin_row, record, self._cipher)
            await connection.execute(insert(tables.plugins).values(row))
            return replace(content, plugins={**content.plugins, record.id: record})

        await self._write(record.id, work)

    async def update_plugin(self, id_: PluginId, **changes: Any) -> PluginRecord:
        """Change fields of :class:`PluginRecord`; returns what holds now."""
        changed: PluginRecord

        async def work(connection: AsyncConnection, content: Content) -> Content:
            nonlocal changed
            after = await self._update_plugin(connection, content, id_, changes)
            changed = after.plugins[id_]
            return after

        await self._write(id_, work)
        return changed

    async def remove_plugin(self, id_: PluginId) -> None:
        """Forget the plugin, its releases and its instances; its version floor stays."""

        async def work(connection: AsyncConnection, content: Content) -> Content:
            content.plugin(id_)
            await connection.execute(delete(tables.instances).where(tables.instances.c.plugin_id == id_))
            await connection.execute(delete(tables.rollouts).where(tables.rollouts.c.plugin_id == id_))
            await connection.execute(delete(tables.plugins).where(tables.plugins.c.id == id_))
            await connection.execute(delete(tables.releases).where(tables.releases.c.plugin_id == id_))
            return replace(
                content,
                plugins={key: r for key, r in content.plugins.items() if key != id_},
                releases={key: r for key, r in content.releases.items() if r.release.plugin_id != id_},
                instances={key: r for key, r in content.instances.items() if r.plugin_id != id_},
                rollouts={key: r for key, r in content.rollouts.items() if r.plugin_id != id_},
            )

        await self._write(id_, work)

    async def add_release(self, release: Release, acceptance: Acceptance | None = None) -> None:
        """Know one more release of an installed plugin. Equal ids are equal releases: no error."""

        async def work(connection: AsyncConnection, content: Content) -> Content:
            content.plugin(release.plugin_id)
            record = ReleaseRecord(release=release, acceptance=acceptance, added_at=time.time())
            return await insert_release(connection, content, record)

        await self._write(release.plugin_id, work)

    async def relocate_release(self, release: Release) -> None:
        """The same release lies elsewhere on this machine now; raises :class:`UnknownRelease`."""

        async def work(connection: AsyncConnection, content: Content) -> Content:
            after = replace(content.release(release.id), release=release)
            row = codec.release_row(after)
            known = tables.releases
            await connection.execute(update(known).where(known.c.id == release.id).values(row))
            return replace(content, releases={**content.releases, release.id: after})

        await self._write(release.plugin_id, work)

    async def record_facts(self, id_: ReleaseId, manifest: Manifest, ui: UiBundle | None) -> None:
        """Keep what a release said of itself; raises :class:`FactsContradict`.

        Only a remote release may say something else later: nobody here put it there.
        """
        known = self._content.release(id_)
        _check_facts(known, manifest)
        if known.manifest == manifest and known.ui == ui:
            return

        async def work(connection: AsyncConnection, content: Content) -> Content:
            after = replace(content.release(id_), manifest=manifest, ui=ui)
            facts = codec.facts_row(manifest, ui)
            await connection.execute(update(tables.releases).where(tables.releases.c.id == id_).values(facts))
            return replace(content, releases={**content.releases, id_: after})

        await self._write(known.release.plugin_id, work)

    async def put_instance(self, record: InstanceRecord) -> None:
        """Add the instance, or replace the record of that id. Equal records are not written again."""
        if self._content.instances.get(record.id) == record:
            return

        async def work(connection: AsyncConnection, content: Content) -> Content:
            content.plugin(record.plugin_id)
            content.release(record.release_id)
            row, known = codec.instance_row(record), tables.instances
            if record.id in content.instances:
                await connection.execute(update(known).where(known.c.id == record.id).values(row))
            else:
                await connection.execute(insert(known).values(row))
            return replace(content, instances={**content.instances, record.id: record})

        await self._write(record.plugin_id, work)

    async def remove_instance(self, id_: InstanceId) -> None:
        """Forget the instance; no error where there is none."""
        known = self._content.instances.get(id_)
        if known is None:
            return

        async def work(connection: AsyncConnection, content: Content) -> Content:
            await connection.execute(delete(tables.instances).where(tables.instances.c.id == id_))
            return replace(content, instances={key: r for key, r in content.instances.items() if key != id_})

        await self._write(known.plugin_id, work)

    def rollouts(self, plugin_id: PluginId | None = None) -> tuple[RolloutRecord, ...]:
        """Newest first."""
        return rollout_rows.of_plugin(self._content, plugin_id)

    @property
    def steady(self) -> str:
        """What a SteadyClock stored last; deadlines of rollouts are in its seconds."""
        return self._database.steady

    async def put_rollout(self, record: RolloutRecord, steady: str, **plugin_changes: Any) -> None:
        """Keep a rollout's new state and, in the same transaction, what it changes of its plugin.

        ``steady`` is the clock that its deadlines are on, see :class:`gateway.clock.SteadyClock`.
        """

        async def work(connection: AsyncConnection, content: Content) -> Content:
            content = await rollout_rows.put(connection, content, record, self._cipher, steady)
            if not plugin_changes:
                return content
            return await self._update_plugin(connection, content, record.plugin_id, plugin_changes)

        await self._write(record.plugin_id, work)

    async def forget(
        self, plugin_id: PluginId, *, releases: Collection[ReleaseId] = (), rollouts: Collection[str] = ()
    ) -> None:
        """Let go of what is history; nothing in use is removed, whatever is asked for."""

        async def work(connection: AsyncConnection, content: Content) -> Content:
            content = await rollout_rows.remove(connection, content, rollouts)
            return await rollout_rows.remove_releases(connection, content, releases)

        await self._write(plugin_id, work)

    async def _update_plugin(
        self, connection: AsyncConnection, content: Content, id_: PluginId, changes: dict[str, Any]
    ) -> Content:
        changed = replace(content.plugin(id_), **{"updated_at": time.time(), **changes})
        content = await floors.raise_floor(connection, content, content.release(changed.release_id).release)
        row = await asyncio.to_thread(codec.plugin_row, changed, self._cipher)
        await connection.execute(update(tables.plugins).where(tables.plugins.c.id == id_).values(row))
        return replace(content, plugins={**content.plugins, id_: changed})

    async def _write(self, plugin: PluginId, work: Work) -> None:
        # A caller that is cancelled must not leave memory behind the database: the write goes on.
        writing = asyncio.ensure_future(self._commit(plugin, work))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            writing.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise

    async def _commit(self, plugin: PluginId, work: Work) -> None:
        async with self._writing:
            before = self._content
            try:
                async with self._database.write() as connection:
                    # A connection lost at commit leaves open whether it was done: ask the database.
                    base = await load(connection, self._cipher) if self._doubtful else before
                    after = await work(connection, base)
            except RegistryUnavailable:
                self._doubtful = True
                raise
            self._content, reread = after, self._doubtful
            self._doubtful = False
        for changed in sorted({*before.plugins, *after.plugins}) if reread else (plugin,):
            for listener in tuple(self._listeners):
                listener(changed)


def _check_facts(known: ReleaseRecord, manifest: Manifest) -> None:
    was = known.manifest
    if was is None or isinstance(known.release.artifact, RemoteArtifact):
        return
    for name in ("plugin_id", "version", "permissions"):
        before, now = getattr(was, name), getattr(manifest, name)
        if before != now:
            raise FactsContradict(
                f"{known.release.id} said {name} {before} at its first start, and now says {now}.",
                hint="A release never changes: give what changed a version of its own.",
                plugin=known.release.plugin_id,
            )
