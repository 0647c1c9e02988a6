"""Rollouts in the database, and what is let go of once they are history."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import delete, insert, update

from gateway.model import PluginId, ReleaseId
from gateway.registry import codec, tables
from gateway.registry.async_engine import AsyncConnection
from gateway.registry.content import Content
from gateway.registry.records import RolloutRecord
from gateway.registry.secrets import SecretCipher


def of_plugin(content: Content, plugin: PluginId | None) -> tuple[RolloutRecord, ...]:
    """Newest first; those of all plugins where ``plugin`` is None."""
    every = [record for record in content.rollouts.values() if plugin is None or record.plugin_id == plugin]
    return tuple(sorted(every, key=lambda record: record.created_at, reverse=True))


async def put(
    connection: AsyncConnection, content: Content, record: RolloutRecord, cipher: SecretCipher, steady: str
) -> Content:
    """Add the rollout or replace it; ``steady`` is the clock that its deadlines are on."""
    row, known = await asyncio.to_thread(codec.rollout_row, record, cipher), tables.rollouts
    if record.id in content.rollouts:
        await connection.execute(update(known).where(known.c.id == record.id).values(row))
    else:
        await connection.execute(insert(known).values(row))
    await connection.execute(update(tables.gateway).values(steady=steady))
    return replace(content, rollouts={**content.rollouts, record.id: record})


async def remove(connection: AsyncConnection, content: Content, ids: Collection[str]) -> Content:
    """Forget rollouts; a live one stays."""
    gone = {id_ for id_ in ids if id_ in content.rollouts and not content.rollouts[id_].live}
    if gone:
        await connection.execute(delete(tables.rollouts).where(tables.rollouts.c.id.in_(gone)))
    return replace(content, rollouts={k: r for k, r in content.rollouts.items() if k not in gone})


async def remove_releases(
    connection: AsyncConnection, content: Content, ids: Collection[ReleaseId]
) -> Content:
    """Forget releases; one that a plugin is at, or that an instance is of, stays."""
    used = {record.release_id for record in content.plugins.values()}
    used |= {record.release_id for record in content.instances.values()}
    gone = {id_ for id_ in ids if id_ in content.releases and id_ not in used}
    if gone:
        await connection.execute(delete(tables.releases).where(tables.releases.c.id.in_(gone)))
    return replace(content, releases={k: r for k, r in content.releases.items() if k not in gone})
