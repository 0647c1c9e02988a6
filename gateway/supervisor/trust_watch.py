"""The policy after the install: what is trusted no more is marked, and stopped where it says so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from gateway.errors import PlugwayError
from gateway.model import PluginId, ReleaseId, Source
from gateway.registry.boards import EventBoard
from gateway.registry.records import ReleaseRecord
from gateway.registry.store import RegistryStore
from gateway.supervisor.admission import Admission
from gateway.trust.policy import FILE
from gateway.trust.standing import Course, Standing

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks at whether the policy file has changed."""

AGAIN = 3600.0
"""Seconds after which all is judged again though it has not: keys and locks have times of their own."""

Stamp = tuple[int, int, int] | None


class TrustWatch:
    """``stop`` is asked to switch a plugin off. :meth:`standing` answers from memory."""

    def __init__(
        self,
        *,
        home: Path,
        store: RegistryStore,
        admission: Admission,
        events: EventBoard,
        stop: Callable[[PluginId], Awaitable[object]],
    ) -> None:
        self._file = home / FILE
        self._store = store
        self._admission = admission
        self._events = events
        self._stop = stop
        self._standings: dict[ReleaseId, Standing] = {}
        self._seen: tuple[Stamp, tuple[ReleaseId, ...]] | None = None
        self._task: asyncio.Task[None] | None = None
        self.problem = ""

    def standing(self, release: ReleaseId) -> Standing | None:
        """None for shipped plugins, and for one that has not been looked at yet."""
        return self._standings.get(release)

    async def start(self) -> None:
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        due = 0.0
        while True:
            now = asyncio.get_running_loop().time()
            state = (await asyncio.to_thread(_stamp, self._file), self._releases())
            if state != self._seen or now >= due:
                self._seen, due = state, now + AGAIN
                try:
                    await self.look()
                except Exception:  # One failure must not end the watching.
                    log.exception("Judging the installed plugins failed.")
            await asyncio.sleep(LOOK)

    def _releases(self) -> tuple[ReleaseId, ...]:
        return tuple(self._store.plugin(id_).release_id for id_ in self._external())

    def _in_use(self) -> list[ReleaseRecord]:
        return [self._store.release(id_) for id_ in self._releases()]

    def _external(self) -> list[PluginId]:
        records = [(p.id, self._store.release(p.release_id).release) for p in self._store.plugins()]
        return [id_ for id_, release in records if release.source is not Source.BUILT_IN]

    async def look(self) -> None:
        """Judge every plugin from elsewhere once, tell what has changed, and act on it."""
        plugins = self._external()
        try:
            found = {record.release.id: await self._admission.standing(record) for record in self._in_use()}
        except PlugwayError as error:
            # What was found before stays: a slip of the pen in the policy stops nothing that runs.
            self.problem = error.detail
            log.warning("The policy does not hold: %s", error.detail)
            return
        self.problem = ""
        before, self._standings = self._standings, found
        for id_ in plugins:
            release = self._store.plugin(id_).release_id
            if release in found:
                await self._tell(id_, before.get(release), found[release])

    async def _tell(self, id_: PluginId, before: Standing | None, now: Standing) -> None:
        was = before.course if before else Course.RUN
        if now.course is Course.STOP and self._store.plugin(id_).enabled:
            await self._stop(id_)
        if now.course is was:
            return
        text = now.refusal.detail if now.refusal else "It is trusted again."
        self._events.emit("plugin.trust", id_, course=now.course.value, text=text)
        log.warning("The trust in %s has changed (%s): %s", id_, now.course.value, text)


def _stamp(file: Path) -> Stamp:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
