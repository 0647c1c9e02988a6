"""What can be installed, from directories and catalogues alike; search, and what is newer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.catalogue.errors import Ambiguous, NotOffered
from gateway.catalogue.index import OfferedPlugin, Screenshot
from gateway.catalogue.standing import Standing
from gateway.definition import PluginDefinition
from gateway.hints import near
from gateway.model import Permissions, Source, Tier, UiType
from gateway.semver import is_prerelease, is_version, preference, version_key
from gateway.sources.base import CatalogEntry

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferVersion:
    """``definition`` is what to post to install it, empty where ``problem`` says why it cannot be."""

    version: str
    definition: Document
    permissions: Permissions = Permissions()
    ui_type: UiType = UiType.NONE
    released_at: datetime | None = None
    notes: str = ""
    yanked: str = ""
    problem: str = ""

    @property
    def fit(self) -> bool:
        """May be taken where nobody names it."""
        return bool(self.definition) and not self.yanked


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One plugin of one place: of a catalogue, or where ``catalogue`` is empty, of the gateway's own source.

    ``source`` is that of the best version, None where no definition of it is understood.
    ``versions`` begin with the newest; a pre-release comes after all others.
    """

    id: str
    name: str
    source: Source | None
    tier: Tier
    catalogue: str = ""
    catalogue_title: str = ""
    description: str = ""
    publisher: str = ""
    homepage: str = ""
    categories: tuple[str, ...] = ()
    screenshots: tuple[Screenshot, ...] = ()
    versions: tuple[OfferVersion, ...] = ()

    @property
    def best(self) -> OfferVersion:
        """The version to take where none is named; one that cannot be taken where there is no other."""
        return next((one for one in self.versions if one.fit), self.versions[0])

    def version(self, wanted: str) -> OfferVersion:
        """Raises :class:`NotOffered`."""
        for one in self.versions:
            if one.version == wanted:
                return one
        place = f"The catalogue {self.catalogue}" if self.catalogue else "This gateway"
        there = ", ".join(one.version for one in self.versions[:10])
        raise NotOffered(f"{place} has no version {wanted} of {self.id}.", hint=f"There are: {there}.")


def own_offers(entries: Iterable[CatalogEntry]) -> Iterator[Offer]:
    """From the entries of the gateway's sources, which are newest first for each id."""
    groups: dict[tuple[str, str, str], list[CatalogEntry]] = {}
    for entry in entries:
        # What cannot be read is told of as it is, beside what can.
        apart = f"{entry.version} {entry.problem}" if entry.problem else ""
        groups.setdefault((entry.id, entry.source, apart), []).append(entry)
    for (id_, _, _), group in groups.items():
        first = group[0]
        yield Offer(
            id=id_,
            name=first.name or id_,
            source=first.source,
            tier=Tier.BUILT_IN if first.source is Source.BUILT_IN else Tier.EXTERNAL,
            description=first.description,
            versions=tuple(
                OfferVersion(
                    version=entry.version,
                    definition={}
                    if entry.problem
                    else {"id": entry.id, "version": entry.version, "source": entry.source.value},
                    permissions=entry.permissions,
                    ui_type=entry.ui_type,
                    problem=entry.problem,
                )
                for entry in group
            ),
        )


def catalogue_offers(standing: Standing, now: float) -> Iterator[Offer]:
    """``now`` is Unix time. From what has expired nothing can be installed, but all is shown."""
    if standing.index is not None:
        doubt = standing.doubt(now)
        for plugin in standing.index.plugins.values():
            yield _offer(standing, plugin, doubt)


def _offer(standing: Standing, plugin: OfferedPlugin, doubt: str) -> Offer:
    definitions = [one.definition for one in plugin.versions if one.definition]
    return Offer(
        id=plugin.id,
        name=plugin.name,
        source=definitions[0].source if definitions else None,
        tier=Tier.EXTERNAL,
        catalogue=standing.name,
        catalogue_title=standing.index.title if standing.index else "",
        description=plugin.description,
        publisher=plugin.publisher,
        homepage=plugin.homepage,
        categories=plugin.categories,
        screenshots=plugin.screenshots,
        versions=tuple(
            OfferVersion(
                version=one.version,
                definition={}
                if doubt or one.definition is None
                else {"name": plugin.name, **as_document(one.definition)},
                permissions=one.permissions,
                ui_type=one.ui_type,
                released_at=one.released_at,
                notes=one.notes,
                yanked=one.yanked,
                problem=one.problem or doubt,
            )
            for one in plugin.versions
        ),
    )


def as_document(definition: PluginDefinition) -> Document:
    """As it is posted: only what is not left at its default, and the source."""
    document: Document = definition.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {**document, "source": definition.source.value}


def search(
    offers: Iterable[Offer],
    *,
    words: str = "",
    category: str = "",
    source: str = "",
    catalogue: str | None = None,
) -> list[Offer]:
    """Those that have every word somewhere in id, name, description, publisher or category; best first.

    ``catalogue`` names one, "" the gateway's own sources; None looks in all.
    """
    wanted = words.casefold().split()[:20]
    found = [
        offer
        for offer in offers
        if (not category or category in offer.categories)
        and (not source or source == offer.source)
        and (catalogue is None or catalogue == offer.catalogue)
        and all(word in _text(offer) for word in wanted)
    ]
    return sorted(found, key=lambda offer: (-_closeness(offer, wanted), offer.id, offer.catalogue))


def _text(offer: Offer) -> str:
    parts = (offer.id, offer.name, offer.description, offer.publisher, *offer.categories)
    return "\n".join(parts).casefold()


def _closeness(offer: Offer, words: Sequence[str]) -> int:
    name = f"{offer.id} {offer.name}".casefold()
    return sum(3 if word == offer.id else 1 for word in words if word in name)


def choose(offers: Sequence[Offer], id_: str, catalogue: str | None = None) -> Offer:
    """The one offer of this id; raises :class:`NotOffered`, and :class:`Ambiguous` where there are more.

    ``catalogue`` names one, "" the gateway's own sources; None takes what there is, its own first:
    what is shipped with the gateway is never replaced by what a stranger calls by the same name.
    """
    fitting = [offer for offer in offers if offer.id == id_ and any(one.definition for one in offer.versions)]
    fitting = fitting or [offer for offer in offers if offer.id == id_]
    if catalogue is not None:
        fitting = [offer for offer in fitting if offer.catalogue == catalogue]
    elif own := [offer for offer in fitting if not offer.catalogue]:
        fitting = own[:1]
    if len(fitting) > 1:
        names = [offer.catalogue for offer in fitting]
        raise Ambiguous(
            f"{id_} is offered by the catalogues {' and '.join(names)}.",
            hint=f"Say which: --catalogue {names[0]}",
            plugin=id_,
        )
    if not fitting:
        place = f"The catalogue {catalogue}" if catalogue else "Nobody here"
        raise NotOffered(
            f"{place} offers no plugin '{id_}'.",
            hint=near(
                id_, [offer.id for offer in offers if offer.id], otherwise="Search: plugway search WORD"
            ),
            plugin=id_,
        )
    return fitting[0]


# What is newer ----------------------------------------------------------------------

_NOT_TELLING = frozenset({"name", "lockVersion"})


def origin(offers: Iterable[Offer], definition: PluginDefinition) -> list[Offer]:
    """The offers that an installed plugin came from.

    A catalogue counts only if the very definition that was installed is in it: one that merely
    offers the same id may be anyone's.
    """
    mine = _telling(as_document(definition))
    found = []
    for offer in offers:
        if offer.id != definition.id:
            continue
        if not offer.catalogue:
            if offer.source is definition.source and any(one.definition for one in offer.versions):
                found.append(offer)
        elif any(one.definition and _telling(one.definition) == mine for one in offer.versions):
            found.append(offer)
    return found


def _telling(document: Document) -> Document:
    return {name: value for name, value in document.items() if name not in _NOT_TELLING}


def newer(offer: Offer, version: str) -> OfferVersion | None:
    """The version to move to from ``version``, or None; a pre-release only from a pre-release."""
    if not is_version(version):
        return None
    later = [
        one
        for one in offer.versions
        if one.fit
        and is_version(one.version)
        and version_key(one.version) > version_key(version)
        and (is_prerelease(version) or not is_prerelease(one.version))
    ]
    return max(later, key=lambda one: preference(one.version), default=None)
