"""Looks at where plugins came from: what is told, what is told once, and what no failure changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.definition import PluginDefinition
from gateway.model import PluginId, Release
from gateway.registry.boards import EventBoard
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from gateway.sources.base import SourceUnreadable
from gateway.sources.offer import Offer
from gateway.supervisor.source_watch import FRESH, SourceWatch, words_of
from tests.running import until
from tests.samples import DIGEST, make_record, make_release

NOTES, MAIL = make_release("notes"), make_release("mail")
OTHER = "sha256:" + "1" * 64
URL = "https://cdn.example/notes.js"


def offer(digest: str = DIGEST, version: str = "1.0.0", newest: str = "") -> Offer:
    return Offer(
        reference=URL, digest=digest, installed=DIGEST, version=version, changed=digest != DIGEST,
        newest=newest,
    )  # fmt: skip


class Places:
    """What is to be found for each plugin: an offer, nothing, or a failure."""

    def __init__(self) -> None:
        self.found: dict[str, Offer | Exception | None] = {}
        self.asked: list[str] = []
        self.looked = asyncio.Event()

    async def offer(self, definition: PluginDefinition, release: Release) -> Offer | None:
        self.asked.append(definition.id)
        self.looked.set()
        found = self.found.get(definition.id)
        if isinstance(found, Exception):
            raise found
        return found


class Bed:
    def __init__(self, store: RegistryStore) -> None:
        self.store = store
        self.places = Places()
        self.events = EventBoard()
        self.clock = 1000.0
        self.watch = self.made(every=0)

    def made(self, every: float) -> SourceWatch:
        return SourceWatch(
            store=self.store, offers=self.places, events=self.events, every=every, now=lambda: self.clock
        )

    async def look(self, found: Offer | Exception | None, later: float = 10.0) -> None:
        self.places.found["notes"] = found
        self.clock += later
        await self.watch.look()

    @property
    def told(self) -> list[tuple[bool, str]]:
        return [(e.data["changed"], e.data["newest"]) for e in self.events.since(0)]


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    store = await RegistryStore.open(f"sqlite:///{tmp_path / 'plugway.db'}", SecretCipher(tmp_path / "key"))
    try:
        await store.add_plugin(make_record(NOTES), NOTES)
        yield Bed(store)
    finally:
        await store.close()


async def test_what_was_found_is_known_and_told_once(bed: Bed) -> None:
    await bed.look(offer())
    found = bed.watch.finding(NOTES.plugin_id)
    assert found is not None
    assert (found.changed, found.newest, found.problem, found.checked_at) == (False, "", "", 1010.0)
    assert bed.told == []
    for _ in range(2):
        await bed.look(offer(OTHER))
    assert bed.told == [(True, "")]
    await bed.look(offer(OTHER, newest="2.0.0"))
    assert bed.told == [(True, ""), (True, "2.0.0")]


async def test_a_place_that_is_away_is_told_of_and_hides_no_later_change(bed: Bed) -> None:
    await bed.look(offer(OTHER))
    await bed.look(SourceUnreadable("The registry cannot be reached."))
    found = bed.watch.finding(NOTES.plugin_id)
    assert found is not None
    assert (found.changed, found.offer) == (False, None)
    assert found.words == "It could not be looked at: The registry cannot be reached."
    assert bed.told == [(True, "")]


async def test_one_that_came_from_no_place_has_no_finding(bed: Bed) -> None:
    await bed.look(offer(OTHER))
    await bed.look(None)
    assert bed.watch.finding(NOTES.plugin_id) is None


async def test_a_look_is_not_repeated_at_once_however_many_ask(bed: Bed) -> None:
    await bed.look(offer())
    await asyncio.gather(*(bed.watch.look() for _ in range(5)))
    assert bed.places.asked == ["notes"]
    bed.clock += FRESH
    await bed.watch.look()
    assert bed.places.asked == ["notes", "notes"]
    # A clock that was set back keeps nobody from looking.
    bed.clock -= 500
    await bed.watch.look()
    assert len(bed.places.asked) == 3


async def test_a_finding_is_of_the_release_in_use_and_goes_with_the_plugin(bed: Bed) -> None:
    await bed.look(offer(OTHER))
    newer = make_release("notes", "2.0.0")
    await bed.store.add_release(newer)
    await bed.store.update_plugin(NOTES.plugin_id, release_id=newer.id)
    assert bed.watch.finding(NOTES.plugin_id) is None
    await bed.store.remove_plugin(NOTES.plugin_id)
    await bed.watch.look()
    await bed.store.add_plugin(make_record(NOTES), NOTES)
    assert bed.watch.finding(NOTES.plugin_id) is None


async def test_one_that_is_uninstalled_during_a_look_keeps_nobody_else_from_being_looked_at(bed: Bed) -> None:
    await bed.store.add_plugin(make_record(MAIL), MAIL)
    first, second = (record.id for record in bed.store.plugins())
    places = bed.places

    class Leaving(Places):
        async def offer(self, definition: PluginDefinition, release: Release) -> Offer | None:
            if definition.id == first:
                await bed.store.remove_plugin(PluginId(second))
            return await places.offer(definition, release)

    watch = SourceWatch(store=bed.store, offers=Leaving(), events=bed.events, every=0)
    places.found = {first: offer(OTHER), second: offer(OTHER)}
    await watch.look()
    assert places.asked == [first]
    assert watch.finding(PluginId(first)) is not None


async def test_a_look_in_the_background_that_fails_is_tried_again(
    bed: Bed, caplog: pytest.LogCaptureFixture
) -> None:
    """Even where it fails in a way that nobody has thought of."""
    bed.places.found["notes"] = RuntimeError("a bug")
    watch = bed.made(every=0.01)

    async def _known() -> bool:
        return bool(bed.told)

    await watch.start()
    try:
        await asyncio.wait_for(bed.places.looked.wait(), 60)
        bed.places.found["notes"] = offer(OTHER)
        bed.places.looked.clear()
        await asyncio.wait_for(bed.places.looked.wait(), 60)
        await until(_known, "the look after the failed one")
    finally:
        await watch.stop()
    assert bed.told == [(True, "")]
    assert "a bug" in caplog.text


async def test_without_a_pause_nothing_looks_by_itself(bed: Bed) -> None:
    await bed.watch.start()
    await asyncio.sleep(0.05)
    await bed.watch.stop()
    assert bed.places.asked == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (offer(), "still has what is installed"),
        (offer(OTHER), f"has {OTHER} now, under the same version; what is installed stays {DIGEST}."),
        (offer(OTHER, "1.1.0"), f"has version 1.1.0 now ({OTHER}); 1.0.0 stays installed."),
        (offer(newest="2.0.0"), "Version 2.0.0 is there: plugway update notes"),
    ],
    ids=["unchanged", "other bytes", "other version", "newer"],
)
def test_findings_in_words(found: Offer, words: str) -> None:
    assert words in words_of(found, NOTES)
