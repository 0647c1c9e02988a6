"""What the API says of plugins that could be installed, and of catalogues. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field

from gateway.api.convert import moment, permissions_view, rating_view
from gateway.api.trust_views import RatingView
from gateway.api.view_base import Body, View
from gateway.api.views import PermissionsView
from gateway.catalogue.offers import Offer, OfferVersion
from gateway.catalogue.standing import Standing
from gateway.model import Source, Tier, UiType
from gateway.supervisor.rating import rate
from gateway.supervisor.rating_facts import offered

Signature = Literal["built-in", "named", "beside", "none"]
_SIGNATURE = (
    "What is known of a signature before installing: `built-in` needs none; `named` in the definition; "
    "looked for `beside` the image; or `none` is offered. The policy judges it when it is installed."
)


class CatalogEntryView(View):
    """A plugin that could be installed: one of each place that offers it, in its newest version."""

    id: str
    name: str
    version: str = Field(description="The newest that can be installed.")
    description: str
    publisher: str = Field(description="Who makes it, as the catalogue says.")
    categories: list[str]
    source: Source | None = Field(description="Null where its definition is not understood here.")
    tier: Tier
    catalogue: str = Field(description="The catalogue that offers it; empty for the gateway's own.")
    catalogue_title: str
    ui_type: UiType
    permissions: PermissionsView = Field(description="What it will be granted by installing it.")
    signature: Signature = Field(description=_SIGNATURE)
    rating: RatingView = Field(description="By what its catalogue declares: nothing of it has run.")
    versions: list[str] = Field(description="All versions that are offered there, newest first.")
    installed: bool = Field(description="A plugin of this id is installed, in whichever version.")
    installed_version: str = Field(description="Which; empty where none is, or where it is not known.")
    update: str = Field(description="The version that the installed one can be moved to; empty for none.")
    yanked: str = Field(description="Why it was withdrawn; empty where it was not.")
    problem: str = Field(description="Why it cannot be installed; empty where it can.")
    definition: dict[str, Any] = Field(description="What to post to install it.")


class CatalogView(View):
    plugins: list[CatalogEntryView]
    total: int = Field(description="How many were found, of which these are the first.")
    categories: list[str] = Field(description="All that there are, whatever was searched for.")


class OfferVersionView(View):
    """One version of a plugin that could be installed."""

    version: str
    released_at: datetime | None
    notes: str = Field(description="What is new, in plain text.")
    ui_type: UiType
    permissions: PermissionsView
    signature: Signature = Field(description=_SIGNATURE)
    yanked: str = Field(description="Why it was withdrawn; empty where it was not.")
    problem: str = Field(description="Why it cannot be installed; empty where it can.")
    definition: dict[str, Any] = Field(description="What to post to install it.")


class ChosenView(View):
    """What to install for an id."""

    id: str
    version: str
    catalogue: str = Field(description="The catalogue that offers it; empty for the gateway's own.")
    permissions: PermissionsView = Field(description="What it asks for, as its catalogue says.")
    definition: dict[str, Any] = Field(description="What to post to install it.")


class ScreenshotView(View):
    url: str = Field(description="Where the gateway serves it.")
    alt: str


class OfferView(CatalogEntryView):
    """A plugin of one place, with all that is known of it."""

    homepage: str
    screenshots: list[ScreenshotView]
    details: list[OfferVersionView] = Field(description="All versions, newest first.")


class OffersView(View):
    """A plugin as each place offers it, the gateway's own first."""

    id: str
    offers: list[OfferView]


class CatalogueView(View):
    """A catalogue that this gateway reads."""

    name: str
    title: str
    url: str
    keys: list[str] = Field(description="Ids of the keys that may sign it.")
    threshold: int = Field(description="How many different keys have to sign.")
    plugins: int = Field(description="How many it offers.")
    serial: int | None = Field(description="Of its newest index; null where none was fetched.")
    issued: datetime | None
    expires: datetime | None
    expired: bool = Field(description="Nothing is installed from it until it is issued anew.")
    fetched_at: datetime | None = Field(description="When what is shown here was fetched.")
    checked_at: datetime | None
    problem: str = Field(description="What the last look at it met; empty where all is well.")
    hint: str


class CataloguesView(View):
    catalogues: list[CatalogueView]
    problem: str = Field(description="Why the list of catalogues cannot be read; empty where it can.")


class CatalogueBody(Body):
    """A catalogue to read from now on."""

    name: str = Field(description="A word of your own.", examples=["acme"], max_length=63)
    url: str = Field(
        description="Of its index.", examples=["https://plugins.example/index.json"], max_length=2048
    )
    keys: list[str] = Field(
        description="Public keys it may be signed with: `ed25519:` and base64, or PEM.",
        min_length=1,
        max_length=16,
    )
    threshold: int = Field(1, ge=1, le=16, description="How many different keys have to sign.")
    fetch: bool = Field(True, description="False asks nobody now: a bundle brings its index.")


class UpdateView(View):
    """An installed plugin, and what is newer."""

    plugin: str
    name: str
    source: Source
    installed: str = Field(description="The version that is installed.")
    newest: str = Field(description="The version it can be moved to; empty where there is none.")
    catalogue: str = Field(description="The catalogue that has it; empty for the gateway's own.")
    pinned: bool
    more: PermissionsView = Field(description="What the newer version asks for beyond what is granted.")
    less: PermissionsView = Field(description="What it gives up.")
    notes: str
    moved: str = Field(
        description="That the tag or URL it was installed from has other bytes now; empty where not, or not "
        "known. What is installed stays."
    )
    unknown: str = Field(
        description="Why it cannot be told whether there is a newer one; empty where it can."
    )


class UpdatesView(View):
    updates: list[UpdateView]
    doubts: list[str] = Field(description="Why there may be newer versions than are known here.")


def entry_view(offer: Offer, installed: str | None, update: str) -> CatalogEntryView:
    """``installed`` is the version of an installed plugin of this id, None where there is none."""
    return CatalogEntryView(**_entry(offer, installed, update))


def offer_view(offer: Offer, installed: str | None, update: str) -> OfferView:
    base = f"/api/v1/catalog/{quote(offer.id, safe='')}/screenshots"
    return OfferView(
        **_entry(offer, installed, update),
        homepage=offer.homepage,
        screenshots=[
            ScreenshotView(url=f"{base}/{picture.sha256}", alt=picture.alt) for picture in offer.screenshots
        ],
        details=[
            OfferVersionView(
                version=one.version,
                released_at=one.released_at,
                notes=one.notes,
                ui_type=one.ui_type,
                permissions=permissions_view(one.permissions),
                signature=_signature(offer, one),
                yanked=one.yanked,
                problem=one.problem,
                definition=one.definition,
            )
            for one in offer.versions
        ],
    )


def _entry(offer: Offer, installed: str | None, update: str) -> Mapping[str, Any]:
    best = offer.best
    return {
        "id": offer.id,
        "name": offer.name,
        "version": best.version,
        "description": offer.description,
        "publisher": offer.publisher,
        "categories": list(offer.categories),
        "source": offer.source,
        "tier": offer.tier,
        "catalogue": offer.catalogue,
        "catalogue_title": offer.catalogue_title,
        "ui_type": best.ui_type,
        "permissions": permissions_view(best.permissions),
        "signature": _signature(offer, best),
        "rating": _rating(offer, best),
        "versions": [one.version for one in offer.versions if one.definition],
        "installed": installed is not None,
        "installed_version": installed or "",
        "update": update,
        "yanked": best.yanked,
        "problem": best.problem,
        "definition": best.definition,
    }


def _signature(offer: Offer, version: OfferVersion) -> Signature:
    if offer.tier is Tier.BUILT_IN:
        return "built-in"
    named = str(version.definition.get("signature", ""))
    # A digest in that field proves nothing.
    if named and not named.startswith("sha256:"):
        return "named"
    return "beside" if offer.source is Source.OCI else "none"


def _rating(offer: Offer, version: OfferVersion) -> RatingView:
    signed = _signature(offer, version) in ("named", "beside")
    return rating_view(rate(offered(offer.source, version.permissions, signature=signed)))


def catalogue_view(standing: Standing, now: float) -> CatalogueView:
    index = standing.index
    return CatalogueView(
        name=standing.name,
        title=index.title if index else standing.name,
        url=standing.subscription.url,
        keys=[key.id for key in standing.subscription.keys],
        threshold=standing.subscription.threshold,
        plugins=len(index.plugins) if index else 0,
        serial=index.serial if index else None,
        issued=index.issued if index else None,
        expires=index.expires if index else None,
        expired=standing.expired(now),
        fetched_at=moment(standing.kept.fetched_at),
        checked_at=moment(standing.checked_at),
        problem=standing.problem,
        hint=standing.hint,
    )
