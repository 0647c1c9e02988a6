"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gateway.cli.exits import Exit, failure


def write_whole(target: Path, content: bytes) -> None:
    """For everyone to read, over what was there before. Blocking."""
    with writing_whole(target) as file:
        file.write(content)


@contextmanager
def writing_whole(target: Path, mode: int = 0o644) -> Iterator[IO[bytes]]:
    """A file that takes the target's place at the end; where anything is raised, nothing is left of it."""
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), mode)
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(target)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise failure(Exit.FAILED, f"{target} cannot be written: {error.strerror}.") from None
