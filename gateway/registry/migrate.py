"""Brings a database to the newest revision, in the caller's transaction: wholly or not at all."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, text

from gateway.errors import Conflict

# Any number will do, as long as all gateways agree on it.
_MIGRATION_LOCK = 0x706C7567


class DatabaseNewer(Conflict):
    """A newer Plugway has written this database."""

    key, title = "database-newer", "The database is newer than this Plugway"


class Migrations:
    """The revisions that this Plugway knows, oldest first. Loading reads files: do it in a thread."""

    def __init__(self, scripts: ScriptDirectory) -> None:
        self._scripts = scripts
        self._revisions: list[Script] = [*scripts.walk_revisions()][::-1]

    @classmethod
    @cache
    def load(cls) -> Migrations:
        return cls(ScriptDirectory(str(Path(__file__).parent / "migrations")))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(script.revision for script in self._revisions)

    def apply(self, connection: Connection, *, upto: str = "") -> None:
        """Apply what is missing, up to a revision or all; raises :class:`DatabaseNewer`."""
        if connection.dialect.name == "postgresql":
            # Two gateways may start at once; the second waits here and then finds nothing to do.
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
        context = MigrationContext.configure(connection)
        current = context.get_current_revision()
        if current is not None and current not in self.names:
            raise DatabaseNewer(
                f"The database is at revision {current}, this Plugway knows up to {self.names[-1]}.",
                hint="Run the newer Plugway again, or restore the backup made before it was installed.",
            )
        done = 0 if current is None else self.names.index(current) + 1
        until = self.names.index(upto) + 1 if upto else len(self.names)
        with Operations.context(context):
            for script in self._revisions[done:until]:
                script.module.upgrade()
                context.stamp(self._scripts, script.revision)
