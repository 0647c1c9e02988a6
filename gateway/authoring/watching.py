"""Which files of an author's directory change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

OWN = ".plugway"
"""How what this program keeps in an author's directory begins."""

_DEBOUNCE_MS, _STEP_MS = 100, 25


class Watch:
    """Changes from :meth:`open` on, also while nobody asks for them.

    Those of tools and of this program are left out, and files for which ``is_made`` holds.
    """

    def __init__(self, directory: Path, is_made: Callable[[Path], bool]) -> None:
        self._found = _changes(directory, is_made)
        self._next: asyncio.Task[list[str]] | None = None

    async def open(self) -> None:
        self._next = asyncio.create_task(self._wait())
        # It watches once it has run up to where it waits.
        await asyncio.sleep(0)

    async def next(self) -> list[str]:
        """Files that changed together, relative to the directory."""
        assert self._next is not None
        names = await self._next
        self._next = asyncio.create_task(self._wait())
        return names

    async def close(self) -> None:
        if self._next is not None:
            self._next.cancel()
            with suppress(asyncio.CancelledError):
                await self._next
            await self._found.aclose()  # type: ignore[attr-defined]  # it is a generator

    async def _wait(self) -> list[str]:
        return await anext(self._found)


async def _changes(directory: Path, is_made: Callable[[Path], bool]) -> AsyncIterator[list[str]]:
    # Only who develops needs it: it is half the time of importing this module.
    from watchfiles import Change, DefaultFilter, awatch

    usual = DefaultFilter()

    def ours(change: Change, path: str) -> bool:
        parts = Path(path).relative_to(directory).parts
        own = any(part.startswith(OWN) for part in parts)
        return usual(change, path) and not own and not is_made(Path(path))

    watching = awatch(
        directory, watch_filter=ours, debounce=_DEBOUNCE_MS, step=_STEP_MS, recursive=True, stop_event=None
    )
    async for found in watching:
        yield sorted({Path(path).relative_to(directory).as_posix() for _, path in found})
