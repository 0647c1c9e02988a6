"""All that the registry holds, in memory: how it is looked up, and how it is read back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from sqlalchemy import insert, select

from gateway.hints import near
from gateway.model import InstanceId, PluginId, ReleaseId
from gateway.registry import codec, tables
from gateway.registry.async_engine import AsyncConnection
from gateway.registry.errors import UnknownPlugin, UnknownRelease
from gateway.registry.records import InstanceRecord, PluginRecord, ReleaseRecord, RolloutRecord
from gateway.registry.secrets import SecretCipher


@dataclass(frozen=True, slots=True)
class Content:
    """All of the database, in memory. Replaced as a whole by every write that was committed."""

    plugins: dict[PluginId, PluginRecord] = field(default_factory=dict)
    releases: dict[ReleaseId, ReleaseRecord] = field(default_factory=dict)
    instances: dict[InstanceId, InstanceRecord] = field(default_factory=dict)
    rollouts: dict[str, RolloutRecord] = field(default_factory=dict)
    floors: dict[PluginId, str] = field(default_factory=dict)

    def plugin(self, id_: PluginId) -> PluginRecord:
        """Raises :class:`UnknownPlugin`, which names what was perhaps meant."""
        try:
            return self.plugins[id_]
        except KeyError:
            raise UnknownPlugin(
                f"No plugin '{id_}' is installed.",
                hint=near(id_, self.plugins, otherwise=f"Install it: plugway install {id_}"),
                plugin=id_,
            ) from None

    def release(self, id_: ReleaseId) -> ReleaseRecord:
        """Raises :class:`UnknownRelease`."""
        try:
            return self.releases[id_]
        except KeyError:
            raise UnknownRelease(f"No release '{id_}' is known.", hint=near(id_, self.releases)) from None


Work = Callable[[AsyncConnection, Content], Awaitable[Content]]
"""What one transaction does: the content before, and the content that holds once it is committed."""


async def load(connection: AsyncConnection, cipher: SecretCipher) -> Content:
    plugins = (await connection.execute(select(tables.plugins))).mappings().all()
    releases = (await connection.execute(select(tables.releases))).mappings().all()
    instances = (await connection.execute(select(tables.instances))).mappings().all()
    rollouts = (await connection.execute(select(tables.rollouts))).mappings().all()
    floors = (await connection.execute(select(tables.version_floors))).mappings().all()
    return await asyncio.to_thread(
        lambda: Content(
            plugins={r.id: r for r in (codec.plugin_record(dict(row), cipher) for row in plugins)},
            releases={r.release.id: r for r in (codec.release_record(dict(row)) for row in releases)},
            instances={r.id: r for r in (codec.instance_record(dict(row)) for row in instances)},
            rollouts={r.id: r for r in (codec.rollout_record(dict(row), cipher) for row in rollouts)},
            floors={PluginId(row["plugin_id"]): str(row["version"]) for row in floors},
        )
    )


async def insert_release(connection: AsyncConnection, content: Content, record: ReleaseRecord) -> Content:
    id_ = record.release.id
    if id_ in content.releases:
        return content
    await connection.execute(insert(tables.releases).values(codec.release_row(record)))
    return replace(content, releases={**content.releases, id_: record})
