"""What has become of the tags and URLs that plugins were installed from: told, and nothing is taken."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from gateway.definition import PluginDefinition
from gateway.errors import NotFound, PlugwayError
from gateway.model import PluginId, Release, ReleaseId
from gateway.registry.boards import EventBoard
from gateway.registry.store import RegistryStore
from gateway.sources.offer import Offer

log = logging.getLogger(__name__)

FRESH = 1.0
"""Seconds for which a look is not repeated, however many ask for it."""


class Offers(Protocol):
    async def offer(self, definition: PluginDefinition, release: Release) -> Offer | None:
        """None where a release came from no place that could be looked at."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a look found; ``checked_at`` is Unix time. Without an offer, ``problem`` says why."""

    release: ReleaseId
    checked_at: float
    words: str
    offer: Offer | None = None
    problem: str = ""

    @property
    def changed(self) -> bool:
        return self.offer is not None and self.offer.changed

    @property
    def newest(self) -> str:
        return self.offer.newest if self.offer else ""


class SourceWatch:
    """``every`` is the pause between two looks in the background, in seconds; 0 for none."""

    def __init__(
        self,
        *,
        store: RegistryStore,
        offers: Offers,
        events: EventBoard,
        every: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._offers = offers
        self._events = events
        self._every = every
        self._now = now
        self._findings: dict[PluginId, Finding] = {}
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def finding(self, id_: PluginId) -> Finding | None:
        """Of the release in use; None where it has not been looked at, or came from no such place."""
        found = self._findings.get(id_)
        return found if found and found.release == self._store.plugin(id_).release_id else None

    async def start(self) -> None:
        if self._every > 0:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def look(self) -> None:
        """Ask for each plugin once, one after the other. A place that is away is told of, and no error."""
        async with self._turn:
            for record in self._store.plugins():
                with suppress(NotFound):  # Uninstalled meanwhile.
                    await self._look(record.id)
            here = {record.id for record in self._store.plugins()}
            self._findings = {id_: found for id_, found in self._findings.items() if id_ in here}

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:  # It is tried again, and nothing depends on it.
                log.exception("Looking at where plugins came from failed.")
            await asyncio.sleep(self._every)

    async def _look(self, id_: PluginId) -> None:
        before = self.finding(id_)
        if before and 0 <= self._now() - before.checked_at < FRESH:
            return
        record = self._store.plugin(id_)
        release = self._store.release(record.release_id).release
        try:
            offer = await self._offers.offer(record.definition, release)
        except PlugwayError as error:
            # What was found before stays true of then, but is no longer known.
            found = _finding(release, self._now(), None, error.detail)
        else:
            if offer is None:
                self._findings.pop(id_, None)
                return
            found = _finding(release, self._now(), offer, "")
        self._findings[id_] = found
        if found.offer and (found.changed, found.newest) != _known(before):
            self._events.emit(
                "plugin.source", id_, changed=found.changed, newest=found.newest, text=found.words
            )


def _known(before: Finding | None) -> tuple[bool, str]:
    return (before.changed, before.newest) if before else (False, "")


def _finding(release: Release, at: float, offer: Offer | None, problem: str) -> Finding:
    words = words_of(offer, release) if offer else f"It could not be looked at: {problem}"
    return Finding(release=release.id, checked_at=at, offer=offer, problem=problem, words=words)


def words_of(offer: Offer, release: Release) -> str:
    """What was found, in a sentence or two for people."""
    said = f"{offer.reference} still has what is installed."
    if offer.changed and offer.version == release.version:
        said = f"{offer.reference} has {offer.digest} now, under the same version; "
        said += f"what is installed stays {offer.installed}."
    elif offer.changed:
        said = f"{offer.reference} has version {offer.version} now ({offer.digest}); "
        said += f"{release.version} stays installed."
    if offer.newest:
        said += f" Version {offer.newest} is there: plugway update {release.plugin_id}"
    return said
