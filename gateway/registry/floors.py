"""Version floors: the highest version of each plugin that was ever in use here.

An old release keeps its good old signature. So the floor outlives the plugin, ``--purge`` as well, and
never goes down.
"""

from __future__ import annotations

import time
from dataclasses import replace

from sqlalchemy import insert, update

from gateway.model import Release, RemoteArtifact, Source
from gateway.registry import tables
from gateway.registry.async_engine import AsyncConnection
from gateway.registry.content import Content
from gateway.semver import is_version, version_key


def has_floor(release: Release) -> bool:
    """Whether the floor holds for it. Shipped plugins move as the operator's files do, and of an endpoint
    that somebody else runs the gateway holds nothing that could be replayed."""
    return release.source is not Source.BUILT_IN and not isinstance(release.artifact, RemoteArtifact)


async def raise_floor(connection: AsyncConnection, content: Content, release: Release) -> Content:
    """``release`` is in use now; one that is lower, or has no version to compare, changes nothing."""
    if not has_floor(release) or not is_version(release.version):
        return content
    id_, known = release.plugin_id, tables.version_floors
    before = content.floors.get(id_)
    if before is not None and version_key(before) >= version_key(release.version):
        return content
    row = {"plugin_id": id_, "version": release.version, "release_id": release.id, "raised_at": time.time()}
    if before is None:
        await connection.execute(insert(known).values(row))
    else:
        await connection.execute(update(known).where(known.c.plugin_id == id_).values(row))
    return replace(content, floors={**content.floors, id_: release.version})
