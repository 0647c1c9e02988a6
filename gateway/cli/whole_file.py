"""Files that are written whole or not at all, and told of in words where they cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gateway import durable
from gateway.cli.exits import Exit, failure


def write_whole(target: Path, content: bytes) -> None:
    """For everyone to read, over what was there before. Blocking."""
    with writing_whole(target) as file:
        file.write(content)


@contextmanager
def writing_whole(target: Path, mode: int = 0o644) -> Iterator[IO[bytes]]:
    """A file that takes the target's place at the end; where anything is raised, nothing is left of it."""
    try:
        with durable.writing_whole(target, mode) as file:
            yield file
    except OSError as error:
        raise failure(Exit.FAILED, f"{target} cannot be written: {error.strerror}.") from None
