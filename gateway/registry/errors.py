"""What the registry raises, and what a database's own errors mean in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import Conflict, NotFound, Unavailable


class UnknownPlugin(NotFound):
    """No plugin of that id is installed."""

    key, title = "unknown-plugin", "No such plugin"


class UnknownRelease(NotFound):
    """No release of that id is known."""

    key, title = "unknown-release", "No such release"


class AlreadyInstalled(Conflict):
    """A plugin of that id is installed."""

    key, title = "already-installed", "The plugin is already installed"


class FactsContradict(Conflict):
    """A release that is fixed says something else of itself than at its first start."""

    key, title = "facts-contradict", "The release contradicts itself"


class Superseded(Conflict):
    """Another gateway has opened the same database since; this one must not write any more."""

    key, title = "superseded", "Another gateway has taken over the registry"


class RegistryUnavailable(Unavailable):
    """The database did not take a write or could not be opened; nothing was changed."""

    key, title = "registry-unavailable", "The registry's database is not available"


_MEANINGS = (
    ("disk is full", "there is no space left on its disk", "Free some space; then try again."),
    ("no space left", "there is no space left on its disk", "Free some space; then try again."),
    ("disk i/o error", "its disk reports an error", "Look at the disk and its free space."),
    (
        "readonly",
        "it cannot be written to",
        "Give the gateway's user write permission on the file and its directory.",
    ),
    ("read-only", "it is read-only", "Point the setting at a database that takes writes."),
    ("unable to open", "its file cannot be opened", "Look at the path and at who may read and write it."),
    ("not a database", "the file is not a database", "Restore it from a backup, or name another file."),
    ("malformed", "the file is damaged", "Restore it from a backup."),
    ("locked", "another program holds it", "Close what else has it open."),
    ("password authentication failed", "it refuses the password", "Look at PLUGWAY_DATABASE_URL."),
    ("does not exist", "it does not exist on that server", "Create it, or correct PLUGWAY_DATABASE_URL."),
    ("connect", "no server answers there", "Start the database server, or correct PLUGWAY_DATABASE_URL."),
)


@contextmanager
def plain_errors(database: str) -> Iterator[None]:
    """Turn what the database's libraries raise into :class:`RegistryUnavailable`.

    ``database`` names it for people, without password.
    """
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        said = str(getattr(error, "orig", None) or error)
        for word, meaning, hint in _MEANINGS:
            if word in said.lower():
                raise RegistryUnavailable(
                    f"The registry's database {database} is not available: {meaning}.",
                    hint=hint,
                    retry_after=5.0,
                ) from error
        first_line = said.splitlines()[0] if said else type(error).__name__
        raise RegistryUnavailable(
            f"The registry's database {database} is not available: {first_line}.", retry_after=5.0
        ) from error
