"""Files that are there whole or not at all, and on the disk: also where power fails. All of it blocks."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PRIVATE = 0o600


@contextmanager
def writing_whole(target: Path, mode: int = PRIVATE, *, replace: bool = True) -> Iterator[IO[bytes]]:
    """A file that takes the target's place at the end; where anything is raised, nothing is left of it.

    Raises OSError, and without ``replace`` FileExistsError where the target is there by then.
    """
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(temporary).replace(target)
        else:
            os.link(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)


def write_whole(target: Path, content: bytes, mode: int = PRIVATE, *, replace: bool = True) -> None:
    """As :func:`writing_whole`."""
    with writing_whole(target, mode, replace=replace) as file:
        file.write(content)


def sync(path: Path) -> None:
    """On the disk, be it a file or the names in a directory."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(directory: Path) -> None:
    """All that is in it, then its names."""
    for path in (*directory.rglob("*"), directory):
        sync(path)
