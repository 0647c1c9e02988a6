"""The engine: how SQLite and PostgreSQL are opened, and what every write goes through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, select, text, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from gateway.errors import BadInput
from gateway.registry import tables
from gateway.registry.async_engine import AsyncConnection, AsyncEngine, create_async_engine
from gateway.registry.errors import Superseded, plain_errors
from gateway.registry.revision import is_newest

if TYPE_CHECKING:
    from gateway.registry.migrate import Migrations

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}
# Writes are short; who waits longer than this has met another program.
_BUSY_MS = 5000


class BadDatabaseUrl(BadInput):
    """``PLUGWAY_DATABASE_URL`` names nothing that the registry can be kept in."""

    key, title = "bad-database-url", "The database URL does not hold"


class Database:
    """One open database at the newest revision, under this process's epoch."""

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        self._engine = engine
        self.name = name
        self.epoch = 0
        self.steady = ""

    @classmethod
    async def open(cls, url: str) -> Database:
        """Open, migrate and take the next epoch, in one transaction; raises plain errors."""
        parsed = database_url(url)
        engine = await asyncio.to_thread(_engine, parsed)
        database = cls(engine, parsed.render_as_string(hide_password=True))
        try:
            with plain_errors(database.name):
                async with database._engine.begin() as connection:
                    if not await connection.run_sync(is_newest):
                        migrations = await asyncio.to_thread(_load_migrations)
                        await connection.run_sync(migrations.apply)
                    raised = tables.gateway.c.epoch + 1
                    await connection.execute(update(tables.gateway).values(epoch=raised))
                    known = await connection.execute(select(tables.gateway.c.epoch, tables.gateway.c.steady))
                    database.epoch, database.steady = known.one()
        except BaseException:
            await database.close()
            raise
        return database

    @property
    def shared(self) -> bool:
        """Whether other machines may have it open too."""
        return self._engine.dialect.name != "sqlite"

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only the newest epoch may commit; raises :class:`Superseded` otherwise.

        The first statement locks the row, so that on PostgreSQL as well writes come one after another.
        """
        with plain_errors(self.name):
            async with self._engine.begin() as connection:
                mine = update(tables.gateway).where(tables.gateway.c.epoch == self.epoch)
                if (await connection.execute(mine.values(epoch=self.epoch))).rowcount != 1:
                    raise Superseded(
                        f"Another gateway has opened {self.name} since this one did.",
                        hint="Stop one of the two, or give each a database of its own.",
                    )
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        with plain_errors(self.name):
            async with self._engine.connect() as connection:
                yield connection

    async def ping(self) -> None:
        """Raises :class:`RegistryUnavailable` where the database does not answer."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))


def _load_migrations() -> Migrations:
    # Imported here, as alembic costs a start more than everything else in this file.
    from gateway.registry.migrate import Migrations

    return Migrations.load()


def database_url(url: str) -> URL:
    """The URL with the driver that is used here; raises :class:`BadDatabaseUrl`."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Not repeated: it may hold a password.
        raise BadDatabaseUrl(
            "The database URL cannot be read.",
            hint="Write sqlite:////path/to/file.db or postgresql://user@host/database.",
        ) from None
    kind = parsed.drivername.partition("+")[0]
    if kind not in _DRIVERS:
        raise BadDatabaseUrl(
            f"The registry cannot be kept in '{kind}'.",
            hint="Write sqlite:////path/to/file.db or postgresql://user@host/database.",
        )
    return parsed.set(drivername=_DRIVERS[kind])


def _engine(url: URL) -> AsyncEngine:
    # Values never appear in error texts: settings are among them.
    try:
        if url.drivername != _DRIVERS["sqlite"]:
            return create_async_engine(url, hide_parameters=True, pool_pre_ping=True, pool_size=2)
        engine = create_async_engine(url, hide_parameters=True, pool_size=1, max_overflow=1)
    except ModuleNotFoundError as error:
        raise BadDatabaseUrl(
            f"The driver for {url.drivername} is not installed.",
            hint="Run: pip install 'plugway[postgresql]'",
        ) from error
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transaction handling would commit before DDL; see _begin_sqlite.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA journal_mode = WAL")
    # An intent must outlive a power cut, or an instance could be started twice.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # The lock is taken at once: upgrading a read lock later can fail where waiting cannot help.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
