"""The audit log in the database: appended to and read, never changed (triggers refuse it)."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select

from gateway.registry import tables
from gateway.registry.audit_chain import linked
from gateway.registry.database import Database

_PAGE = 500


class AuditRows:
    """Every method raises ``RegistryUnavailable`` where the database does not do it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, content: Mapping[str, Any]) -> int:
        """Add an entry with the time of now; returns its number once it is on disk."""
        now, known = datetime.now(UTC), tables.audit
        async with self._database.write() as connection:
            newest = select(known.c.entry).order_by(known.c.seq.desc()).limit(1)
            last = (await connection.execute(newest)).scalar_one_or_none()
            entry = linked(
                {**content, "at": now.isoformat(timespec="microseconds")}, json.loads(last) if last else None
            )
            row = {"seq": entry["seq"], "at": now.timestamp(), "entry": json.dumps(entry)}
            await connection.execute(insert(known).values(row))
        return int(entry["seq"])

    async def newest(self, before: int, limit: int, since: float = 0.0) -> list[dict[str, Any]]:
        """The last ones, newest first, of those under number ``before`` (0 for all)."""
        known = tables.audit
        chosen = select(known.c.entry).where(known.c.at >= since).order_by(known.c.seq.desc()).limit(limit)
        if before:
            chosen = chosen.where(known.c.seq < before)
        async with self._database.read() as connection:
            return [json.loads(text) for text in (await connection.execute(chosen)).scalars()]

    async def all(self, since: float = 0.0) -> AsyncGenerator[dict[str, Any], None]:
        """Every entry from ``since`` on (Unix seconds), oldest first, read in parts."""
        known, after = tables.audit, 0
        while True:
            chosen = select(known.c.entry).where(known.c.seq > after, known.c.at >= since)
            async with self._database.read() as connection:
                found = await connection.execute(chosen.order_by(known.c.seq).limit(_PAGE))
                entries = [json.loads(text) for text in found.scalars()]
            for entry in entries:
                yield entry
            if len(entries) < _PAGE:
                return
            after = entries[-1]["seq"]
