"""Whether an installed plugin has a newer version, and how its permissions differ."""

from __future__ import annotations

import time
from collections.abc import Sequence

from gateway.api.catalogue_views import UpdateView
from gateway.api.convert import permissions_view
from gateway.api.parts import Parts
from gateway.catalogue.offers import Offer, newer, origin
from gateway.model import Source
from gateway.registry.records import PluginRecord
from gateway.semver import version_key
from gateway.supervisor.source_watch import Finding


def update_view(parts: Parts, record: PluginRecord, offers: Sequence[Offer]) -> UpdateView:
    """Only from where it came; the newest of those, where more than one catalogue has it."""
    release = parts.store.release(record.release_id).release
    mine = origin(offers, record.definition)
    found = [(offer, later) for offer in mine if (later := newer(offer, release.version))]
    offer, later = max(found, key=lambda pair: version_key(pair[1].version), default=(None, None))
    seen = parts.sources.finding(record.id)
    newest, wanted = later.version if later else "", later.permissions if later else release.permissions
    if seen and seen.offer and seen.newest and not mine:
        newest, wanted = seen.newest, seen.offer.permissions
    return UpdateView(
        plugin=record.id,
        name=record.definition.name or release.name or record.id,
        source=release.source,
        installed=release.version,
        newest=newest,
        catalogue=(offer or mine[0]).catalogue if mine else "",
        pinned=record.pinned,
        more=permissions_view(wanted.exceeds(release.permissions)),
        less=permissions_view(release.permissions.exceeds(wanted)),
        notes=later.notes if later else "",
        moved=seen.words if seen and seen.changed else "",
        unknown="" if mine else _why(release.source, seen),
    )


def doubts(parts: Parts) -> list[str]:
    """Why the catalogues may not tell all."""
    now = time.time()
    told = [parts.market.catalogues.problem]
    for standing in parts.market.catalogues.standings():
        told.append(standing.doubt(now))
        if standing.problem:
            told.append(f"the catalogue {standing.name} could not be looked at: {standing.problem}")
    return [text for text in told if text]


def _why(source: Source, seen: Finding | None) -> str:
    if source is Source.OCI:
        return seen.problem if seen else "its registry was not asked yet: plugway update --check"
    if source is Source.REMOTE:
        return "it is run elsewhere, and updated there"
    return "no catalogue here has the definition that it was installed with"
