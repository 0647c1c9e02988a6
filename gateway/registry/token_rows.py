"""Tokens in the database: their hashes and what they allow, never a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, insert, select, update

from gateway.errors import Conflict
from gateway.model import Token
from gateway.registry import tables
from gateway.registry.database import Database


class TokenNameTaken(Conflict):
    """There is a token of that name."""

    key, title = "token-name-taken", "There is a token of that name"


class TokenRows:
    """Reads and writes the table. Every method raises ``RegistryUnavailable`` where it cannot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def shared(self) -> bool:
        """Whether another gateway may write here meanwhile."""
        return self._database.shared

    async def all(self) -> tuple[Token, ...]:
        """Oldest first."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(tables.tokens))).mappings().all()
        return tuple(sorted(map(_token, rows), key=lambda token: (token.created_at, token.id)))

    async def add(self, token: Token) -> None:
        """Raises :class:`TokenNameTaken`."""
        known = tables.tokens
        async with self._database.write() as connection:
            same = await connection.execute(select(known.c.id).where(known.c.name == token.name))
            if same.first() is not None:
                raise TokenNameTaken(
                    f"There is a token called '{token.name}'.",
                    hint="Choose another name, or revoke that one first.",
                )
            await connection.execute(insert(known).values(_row(token)))

    async def remove(self, id_: str) -> bool:
        """Whether there was one."""
        async with self._database.write() as connection:
            gone = await connection.execute(delete(tables.tokens).where(tables.tokens.c.id == id_))
        return bool(gone.rowcount)

    async def used(self, times: Mapping[str, float]) -> None:
        """Note when tokens were used last, by id; those that are gone are left out."""
        known = tables.tokens
        async with self._database.write() as connection:
            for id_, at in times.items():
                await connection.execute(update(known).where(known.c.id == id_).values(used_at=at))


def _row(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "digest": token.digest.hex(),
        "role": token.role,
        "grants": [list(pair) for pair in token.grants],
        "created_at": token.created_at,
        "created_by": token.created_by,
        "expires_at": token.expires_at,
        "used_at": token.used_at,
    }


def _token(row: Mapping[Any, Any]) -> Token:
    grants = tuple((str(plugin), str(grant)) for plugin, grant in row["grants"])
    return Token(**{**row, "digest": bytes.fromhex(row["digest"]), "grants": grants})
