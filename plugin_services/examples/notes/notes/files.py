"""Attachments as files in the volume: written aside, synced, then moved into place."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import BinaryIO

from notes.problems import Problem

_BLOCK = 2**20
_ABANDONED = 3600.0


class Files:
    """A directory of files under random names. Blocking work is done in threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._incoming = directory / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        return self._directory / name

    async def receive(self, chunks: AsyncIterator[bytes], limit: int) -> tuple[str, int]:
        """Store a stream; returns the file's name and size. Over ``limit`` bytes it is refused."""
        name = uuid.uuid4().hex
        aside = self._incoming / name
        size = 0
        try:
            file = await asyncio.to_thread(aside.open, "wb")
            with file:
                async for block in _blocks(chunks):
                    size += len(block)
                    if size > limit:
                        raise Problem(
                            413, "too-large", "Too large", f"Attachments may have {limit >> 20} MiB here."
                        )
                    await asyncio.to_thread(file.write, block)
                await asyncio.to_thread(_sync, file)
            await asyncio.to_thread(self._place, aside, name)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        return name, size

    def _place(self, aside: Path, name: str) -> None:
        aside.replace(self.path(name))
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    async def remove(self, names: Iterable[str]) -> None:
        for name in names:
            await asyncio.to_thread(self.path(name).unlink, missing_ok=True)

    def sweep(self, known: set[str]) -> None:
        """Remove what a killed process left. Young files may belong to an instance that still runs."""
        old = time.time() - _ABANDONED
        for path in (*self._incoming.iterdir(), *self._directory.iterdir()):
            if path.is_file() and path.name not in known and path.stat().st_mtime < old:
                path.unlink(missing_ok=True)


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Larger blocks, so that a thread is asked once a megabyte."""
    waiting = bytearray()
    async for chunk in chunks:
        waiting += chunk
        if len(waiting) >= _BLOCK:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
