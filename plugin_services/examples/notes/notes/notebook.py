"""The plugin's resources, opened in its volume for the life of the app."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from notes.files import Files
from notes.live import Live
from notes.store import NoteStore

T = TypeVar("T")


class Notebook:
    """Store, files and live updates. :meth:`open` touches the disk, the constructor does not."""

    def __init__(self) -> None:
        self.live = Live()
        self._store: NoteStore | None = None
        self._files: Files | None = None
        # SQLite has one writer anyway; one thread also spares the connection any locking.
        self._thread: ThreadPoolExecutor | None = None

    async def open(self, directory: Path) -> None:
        self._thread = ThreadPoolExecutor(1, "notes-db")
        self._store = await self._in_thread(lambda: NoteStore(directory / "notes.db"))
        files = self._files = await asyncio.to_thread(Files, directory / "files")
        known = await self.run(NoteStore.files)
        await asyncio.to_thread(files.sweep, known)

    async def close(self) -> None:
        if self._store is not None:
            await self.run(NoteStore.close)
        if self._thread is not None:
            self._thread.shutdown()

    @property
    def files(self) -> Files:
        assert self._files is not None, "the notebook is not open"
        return self._files

    async def run(self, act: Callable[[NoteStore], T]) -> T:
        """Do something with the store in its thread."""
        store = self._store
        assert store is not None, "the notebook is not open"
        return await self._in_thread(lambda: act(store))

    async def _in_thread(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, act)
