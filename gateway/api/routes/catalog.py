"""What could be installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from gateway.api.catalogue_views import (
    CatalogView,
    ChosenView,
    OffersView,
    entry_view,
    offer_view,
)
from gateway.api.convert import permissions_view
from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.api.routes.plugins import PluginPath
from gateway.catalogue.errors import NotOffered
from gateway.catalogue.offers import Offer, newer, origin, search
from gateway.catalogue.pictures import PICTURE_TYPES
from gateway.hints import near
from gateway.registry.records import PluginRecord

_BYTES = {"schema": {"type": "string", "format": "binary"}}
_PICTURE_HEADERS = {
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, max-age=31536000, immutable",
}

Text = Annotated[str, Query(max_length=200)]


def catalog_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["plugins"])
    _add_search(router, parts)
    _add_choice(router, parts)
    return router


def _add_search(router: APIRouter, parts: Parts) -> None:

    @router.get(
        "/api/v1/catalog",
        operation_id="listCatalog",
        summary="List or search what can be installed",
        description="Of the gateway's own sources and of all catalogues, as they were fetched last.",
        responses=responses(422),
    )
    async def list_catalog(
        q: Annotated[
            str,
            Query(description="Words, all of which have to be in id, name or description.", max_length=200),
        ] = "",
        category: Text = "",
        source: Text = "",
        catalogue: Annotated[
            str | None, Query(description="Only of this one; empty for the gateway's own.", max_length=63)
        ] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="How many to list at most.")] = 200,
    ) -> CatalogView:
        offers = await parts.market.offers()
        found = search(offers, words=q, category=category, source=source, catalogue=catalogue)
        plugins = {str(record.id): record for record in parts.store.plugins()}
        return CatalogView(
            plugins=[entry_view(offer, *_mine(parts, offer, plugins)) for offer in found[:limit]],
            total=len(found),
            categories=sorted({name for offer in offers for name in offer.categories}),
        )

    @router.get(
        "/api/v1/catalog/{id}",
        operation_id="getOffers",
        summary="Show a plugin that can be installed, with all its versions",
        responses=responses(404),
    )
    async def get_offers(id: PluginPath) -> OffersView:  # noqa: A002  the name in the path
        offers = await parts.market.offers()
        plugins = {str(record.id): record for record in parts.store.plugins()}
        mine = [offer for offer in offers if offer.id == id]
        if not mine:
            raise NotOffered(
                f"Nobody here offers a plugin '{id}'.",
                hint=near(id, [offer.id for offer in offers], otherwise="Search: plugway search WORD"),
                plugin=id,
            )
        return OffersView(id=id, offers=[offer_view(offer, *_mine(parts, offer, plugins)) for offer in mine])


def _add_choice(router: APIRouter, parts: Parts) -> None:

    @router.get(
        "/api/v1/catalog/{id}/definition",
        operation_id="chooseOffer",
        summary="Find what to post to install a plugin",
        description="The gateway's own go first. An id that several catalogues offer is refused.",
        responses=responses(404, 409),
    )
    async def choose_offer(
        id: PluginPath,  # noqa: A002
        version: Annotated[str, Query(description="The newest if left out.", max_length=128)] = "",
        catalogue: Annotated[
            str | None, Query(description="Only from this one; empty for the gateway's own.", max_length=63)
        ] = None,
    ) -> ChosenView:
        offer, found = await parts.market.choose(id, version, catalogue)
        return ChosenView(
            id=id,
            version=found.version,
            catalogue=offer.catalogue,
            permissions=permissions_view(found.permissions),
            definition=found.definition,
        )

    @router.get(
        "/api/v1/catalog/{id}/screenshots/{sha256}",
        operation_id="getScreenshot",
        summary="A screenshot that a catalogue names",
        description="Fetched by the gateway once, held against the digest in the signed index.",
        response_class=Response,
        responses={
            **responses(404, 422),
            200: {"content": dict.fromkeys(PICTURE_TYPES, _BYTES)},
        },
    )
    async def get_screenshot(
        id: PluginPath,  # noqa: A002
        sha256: Annotated[str, Path(description="Its digest, in hexadecimal.", pattern="^[0-9a-f]{64}$")],
    ) -> Response:
        content, kind = await parts.market.picture(id, sha256)
        return Response(content, media_type=kind, headers=_PICTURE_HEADERS)


def _mine(parts: Parts, offer: Offer, plugins: Mapping[str, PluginRecord]) -> tuple[str | None, str]:
    """What is installed of this id, and whether this offer has something newer."""
    record = plugins.get(offer.id)
    if record is None:
        return None, ""
    version = parts.store.release(record.release_id).release.version
    mine: Sequence[Offer] = origin([offer], record.definition)
    later = newer(offer, version) if mine else None
    return version, later.version if later else ""
