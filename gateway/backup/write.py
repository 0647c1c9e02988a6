"""Writing a backup: a consistent copy of the registry, then everything that it refers to.

No key is ever in it: neither the one that opens the stored secrets, nor those of TLS, nor a token.
"""

from __future__ import annotations

import hashlib
import io
import os
import sqlite3
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from gateway import __version__
from gateway.backup.manifest import MANIFEST, BackedUpFile, Manifest, file_name
from gateway.errors import Conflict, Unavailable
from gateway.registry.database import database_url
from gateway.restoring import DATABASE, FILES, FOLDERS

_BUSY_S = 30.0
_PRIVATE = ("key.pem",)
"""Names of files that hold a private key, wherever they lie."""
_HALF_DONE = ("tmp",)


class NotBackedUp(Conflict):
    """There is nothing here that this command can back up."""

    key, title = "not-backed-up", "No backup can be made"


class BackupFailed(Unavailable):
    """The files could not be read, or the backup not be written."""

    key, title = "backup-failed", "The backup could not be made"


def database_file(url: str) -> Path:
    """Where the registry lies; raises :class:`NotBackedUp` where that is no file of SQLite."""
    parsed = database_url(url)
    if not parsed.drivername.startswith("sqlite") or not parsed.database:
        raise NotBackedUp(
            f"The registry is kept in {parsed.drivername.partition('+')[0]}, which has backups of its own.",
            hint="Use pg_dump for it, and copy the home directory but for keys/ beside it.",
        )
    return Path(parsed.database)


def write_backup(home: Path, database: Path, out: IO[bytes]) -> Manifest:
    """Write the backup of a home, whether or not a gateway runs on it. Blocking.

    Raises :class:`NotBackedUp` and :class:`BackupFailed`.
    """
    if not database.is_file():
        raise NotBackedUp(f"There is no registry at {database}.", hint="Set PLUGWAY_HOME to its directory.")
    try:
        with tempfile.TemporaryDirectory(prefix="plugway-backup-") as work:
            copy = Path(work) / DATABASE
            revision = _copy_database(database, copy)
            files = _Files(out)
            files.add(DATABASE, copy)
            for name, path in _files(home):
                files.add(name, path)
            manifest = Manifest(
                format=1,
                plugway=__version__,
                revision=revision,
                home=str(home.resolve()),
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                files=files.listed,
            )
            files.end(manifest)
            return manifest
    except sqlite3.Error as error:
        raise BackupFailed(f"The registry at {database} cannot be copied: {error}.") from error
    except OSError as error:
        what = error.filename or "the backup"
        raise BackupFailed(f"{what}: {error.strerror or error}.", hint="Nothing was left.") from error


def _copy_database(database: Path, copy: Path) -> str:
    """As it was at one moment, while others write to it; returns its revision."""
    with (
        closing(sqlite3.connect(database, timeout=_BUSY_S)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        # One file, without a log beside it.
        target.execute("PRAGMA journal_mode = DELETE")
        ((revision,),) = target.execute("SELECT version_num FROM alembic_version").fetchall()
    return str(revision)


def _files(home: Path) -> Iterator[tuple[str, Path]]:
    for name in FILES:
        if name != DATABASE and (home / name).is_file():
            yield name, home / name
    for folder in FOLDERS:
        for path in sorted((home / folder).rglob("*")):
            inside = path.relative_to(home / folder).parts
            if inside[0] in _HALF_DONE or path.name in _PRIVATE:
                continue
            if stat.S_ISREG(path.lstat().st_mode):
                yield path.relative_to(home).as_posix(), path


class _Files:
    """Entries by number; each is hashed as it is written."""

    def __init__(self, out: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        self.listed: list[BackedUpFile] = []

    def add(self, name: str, path: Path) -> None:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            read = _Hashed(file)
            self._put(file_name(len(self.listed) + 1), status.st_size, read)
        executable = bool(status.st_mode & stat.S_IXUSR)
        self.listed.append(BackedUpFile(name=name, sha256=read.sha256.hexdigest(), executable=executable))

    def end(self, manifest: Manifest) -> None:
        content = manifest.model_dump_json().encode()
        self._put(MANIFEST, len(content), _Hashed(io.BytesIO(content)))
        self._tar.close()

    def _put(self, name: str, size: int, content: _Hashed) -> None:
        header = tarfile.TarInfo(name)
        header.size = size
        self._tar.addfile(header, content)


class _Hashed:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        part = self._file.read(size)
        self.sha256.update(part)
        return part
