"""Everything that can be installed, asked for in one place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.catalogue.catalogues import Catalogues
from gateway.catalogue.errors import NotOffered
from gateway.catalogue.offers import Offer, OfferVersion, catalogue_offers, choose, origin, own_offers
from gateway.catalogue.pictures import Pictures
from gateway.catalogue.standing import Standing
from gateway.definition import PluginDefinition, parse_definition
from gateway.sources.base import CatalogEntry


class OwnSources(Protocol):
    """What the gateway's own directories offer."""

    async def available(self) -> Sequence[CatalogEntry]: ...


@dataclass(frozen=True, slots=True)
class _Made:
    """The offers of a catalogue as it stood."""

    standing: Standing
    expired: bool
    offers: tuple[Offer, ...]


def _make(standing: Standing, now: float) -> _Made:
    return _Made(standing, standing.expired(now), tuple(catalogue_offers(standing, now)))


class Market:
    """The gateway's own sources and all catalogues, side by side."""

    def __init__(
        self,
        own: OwnSources,
        catalogues: Catalogues,
        pictures: Pictures,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._own = own
        self.catalogues = catalogues
        self._pictures = pictures
        self._now = now
        self._made: dict[str, _Made] = {}

    async def offers(self) -> list[Offer]:
        """Asks no network: catalogues are as they were fetched last."""
        found = [*own_offers(await self._own.available())]
        now = self._now()
        known: dict[str, _Made] = {}
        for standing in self.catalogues.standings():
            made = self._made.get(standing.name)
            if made is None or made.standing is not standing or made.expired != standing.expired(now):
                # A large index takes a tenth of a second, and calls to plugins must not wait for it.
                made = await asyncio.to_thread(_make, standing, now)
            known[standing.name] = made
            found.extend(made.offers)
        self._made = known
        return found

    async def definition(self, installed: PluginDefinition, version: str, catalogue: str) -> PluginDefinition:
        """How to get another version of an installed plugin from the catalogue that it came from.

        Raises :class:`NotOffered` where that catalogue is not where it came from.
        """
        mine = [offer for offer in origin(await self.offers(), installed) if offer.catalogue == catalogue]
        if not mine:
            raise NotOffered(
                f"{installed.id} was not installed from the catalogue {catalogue}.",
                hint="It is updated from where it came; to change that, uninstall it and install it anew.",
                plugin=installed.id,
            )
        return parse_definition(taken(mine[0], version).definition)

    async def picture(self, id_: str, sha256: str) -> tuple[bytes, str]:
        """A screenshot and its media type; raises :class:`NotOffered` and what fetching raises."""
        for standing in self.catalogues.standings():
            plugin = standing.index.plugins.get(id_) if standing.index else None
            for screenshot in plugin.screenshots if plugin else ():
                if screenshot.sha256 == sha256:
                    return await self._pictures.picture(standing.subscription.url, screenshot)
        raise NotOffered(f"No catalogue has this screenshot of '{id_}'.", plugin=id_)

    async def forget_pictures(self) -> None:
        """Remove those that no catalogue names any more."""
        await self._pictures.collect(
            {
                screenshot.sha256
                for standing in self.catalogues.standings()
                if standing.index
                for plugin in standing.index.plugins.values()
                for screenshot in plugin.screenshots
            }
        )

    async def choose(
        self, id_: str, version: str = "", catalogue: str | None = None
    ) -> tuple[Offer, OfferVersion]:
        """What to install for an id: the newest version, where none is named.

        Raises as :func:`gateway.catalogue.offers.choose`, and :class:`NotOffered` for a version
        that cannot be installed.
        """
        offer = choose(await self.offers(), id_, catalogue)
        return offer, taken(offer, version or offer.best.version)


def taken(offer: Offer, version: str) -> OfferVersion:
    """A version that can be installed; raises :class:`NotOffered`."""
    found = offer.version(version)
    if not found.definition or found.yanked:
        why = found.problem or f"it was withdrawn: {found.yanked}"
        raise NotOffered(f"{offer.id} {version} cannot be installed: {why}.", plugin=offer.id)
    return found
