"""Reads what was installed once more, when it has settled, so that the next start does not have to.

A file that was written a moment ago could change once more unnoticed, so nothing is remembered of it
(:mod:`gateway.unchanged`). Without this the first start after an install would read every byte.
"""

from __future__ import annotations

import asyncio
import logging

from gateway.errors import PlugwayError
from gateway.model import PluginId, ReleaseId
from gateway.packing.pack import Content
from gateway.registry.store import RegistryStore
from gateway.supervisor.acts import Verify
from gateway.supervisor.attach import kept
from gateway.supervisor.changes import ChangedPlugins
from gateway.unchanged import SETTLED

log = logging.getLogger(__name__)

CALM = SETTLED + 1.0
"""Seconds without a change in the registry before anything is read: nobody waits for it."""


class Settling:
    """``verify`` and ``content`` are those of a start: they remember what they found right."""

    def __init__(self, store: RegistryStore, verify: Verify, content: Content, *, calm: float = CALM) -> None:
        self._store = store
        self._verify = verify
        self._content = content
        self._calm = calm
        self._read: set[tuple[ReleaseId, str]] = set()
        self._changed = ChangedPlugins(store)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._changed.start()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        self._changed.stop()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            await self._changed.wait_for_calm(self._calm)
            for id_ in self._changed.take():
                try:
                    await self._look(id_)
                except PlugwayError as error:
                    # Told at the next start, which looks for itself.
                    log.debug("%s was not read again: %s", id_, error.detail)
                except Exception:  # Nothing depends on it.
                    log.exception("Reading %s again failed.", id_)

    async def _look(self, id_: PluginId) -> None:
        known = self._store.release(self._store.plugin(id_).release_id)
        if known.manifest is None:
            return  # Its page is still to come, which is a change.
        ui = known.ui
        which = (known.release.id, ui.digest if ui is not None else "")
        if which in self._read:
            return
        await self._verify(known.release)
        await kept(ui, self._content)
        if ui is not None and ui.packed is not None:
            await self._content.all_intact(ui.packed.digests)
        self._read.add(which)
