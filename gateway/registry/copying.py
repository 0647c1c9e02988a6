"""A copy of the registry's database, to look at while a gateway has it open."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.errors import BadInput, NotFound
from gateway.registry.database import database_url


class NotCopied(BadInput):
    """The registry is not kept in a file of this machine."""

    key, title = "not-copied", "The registry cannot be copied"


class NoRegistry(NotFound):
    """Nothing was ever installed there."""

    key, title = "no-registry", "There is no registry"


def copy_database(url: str, target: Path) -> str:
    """Write a consistent copy, and return its URL. The original is only read; blocking.

    To open a registry takes it over from the gateway that has it open, and migrates it: so this
    is how another program, perhaps a newer one, reads it. Raises :class:`NotCopied` and
    :class:`NoRegistry`.
    """
    parsed = database_url(url)
    if not parsed.drivername.startswith("sqlite") or not parsed.database:
        raise NotCopied(
            "Only a registry in SQLite can be looked at beside its gateway.",
            hint="Check single plugins instead: plugway check DIRECTORY, IMAGE or ENDPOINT.",
        )
    source = Path(parsed.database).resolve()
    if not source.is_file():
        raise NoRegistry(f"There is no registry at {source}.", hint="Set PLUGWAY_HOME to the gateway's.")
    # SQLite's own way: also what lies in the write-ahead log comes along.
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as original,
        closing(sqlite3.connect(target)) as copied,
    ):
        original.backup(copied)
    target.chmod(0o600)
    return f"sqlite+aiosqlite:///{target}"
