"""Whether a database is at the newest revision, told without alembic: importing that takes a start longer
than opening the database."""

from __future__ import annotations

from sqlalchemy import Connection, text

NEWEST = "0009"
"""The last of ``migrations/versions``, which a test holds equal."""


def is_newest(connection: Connection) -> bool:
    """False for an empty database, an older one and one from a newer Plugway."""
    if not connection.dialect.has_table(connection, "alembic_version"):
        return False
    known = connection.execute(text("SELECT version_num FROM alembic_version"))
    return known.scalars().all() == [NEWEST]
