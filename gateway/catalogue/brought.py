"""An index that came in a bundle: held against the catalogues of this gateway, as if just fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gateway.catalogue.errors import CatalogueRefused
from gateway.catalogue.index import Index, parse_index
from gateway.catalogue.kept import Kept
from gateway.catalogue.offers import catalogue_offers, origin
from gateway.catalogue.signed import Seen, open_index, require_successor
from gateway.catalogue.standing import Standing, expected_of
from gateway.definition import PluginDefinition
from gateway.trust.envelope import parse_envelope
from gateway.trust.refusal import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What a bundle's index is to this gateway. ``index`` is believed only where ``catalogue`` names one.

    ``standing`` is that catalogue with the index taken; None where there is nothing to take, and
    ``words`` say why or what of.
    """

    index: Index
    catalogue: str
    words: str
    standing: Standing | None = None


def judge_brought(data: bytes, standings: Sequence[Standing], now: float) -> Brought:
    """By the keys of this gateway's own list; ``now`` is Unix time. Blocking.

    Raises :class:`CatalogueRefused` where it bears the name of a catalogue here and is not that, or
    does not hold by itself.
    """
    index = _claimed(data)
    mine = _of_that_name(index, data, standings)
    if mine is None:
        words = f"No catalogue here is '{index.name}', so nobody vouches for it: it is not taken."
        return Brought(index=index, catalogue="", words=words)
    expected = expected_of(mine)
    believed, payload = open_index(data, expected)
    digest = hashlib.sha256(payload).hexdigest()
    seen = mine.kept.seen
    if believed.serial < seen.serial:
        words = f"The one here is newer: serial {seen.serial}, not {believed.serial}."
        return Brought(index=believed, catalogue=mine.name, words=words)
    require_successor(believed, digest, expected)
    if believed.serial == seen.serial and mine.index is not None:
        return Brought(index=believed, catalogue=mine.name, words="It is the one that is here.")
    if believed.expires <= datetime.fromtimestamp(now, UTC):
        return Brought(index=believed, catalogue=mine.name, words="It has expired: it is not taken.")
    kept = Kept(envelope=data, seen=Seen(serial=believed.serial, sha256=digest), fetched_at=now)
    taken = replace(
        mine,
        subscription=mine.subscription.model_copy(update={"index": believed.name}),
        kept=kept,
        index=believed,
        checked_at=now,
        problem="",
        hint="",
    )
    words = f"Signed with the keys of the catalogue {mine.name}: it is taken, serial {believed.serial}."
    return Brought(index=believed, catalogue=mine.name, words=words, standing=taken)


def offering(
    standings: Iterable[Standing], definitions: Sequence[PluginDefinition], now: float
) -> tuple[bytes, ...]:
    """The indexes, as they were signed, that have one of these very definitions. Blocking."""
    found = []
    for standing in standings:
        offers = [*catalogue_offers(standing, now)]
        if any(origin(offers, definition) for definition in definitions):
            found.append(standing.kept.envelope)
    return tuple(found)


def _claimed(data: bytes) -> Index:
    """What it says of itself, whoever signed it."""
    try:
        return parse_index(parse_envelope(data).payload)
    except Refused as error:
        raise CatalogueRefused(error.detail, hint=error.hint, reason="unreadable") from None


def _of_that_name(index: Index, data: bytes, standings: Sequence[Standing]) -> Standing | None:
    for standing in standings:
        if standing.subscription.index == index.name:
            return standing
    for standing in standings:
        # Its name is not known yet: what its keys have signed is it.
        if not standing.subscription.index:
            try:
                open_index(data, expected_of(standing))
            except CatalogueRefused:
                continue
            return standing
    return None
