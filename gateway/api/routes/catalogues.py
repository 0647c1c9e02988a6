"""The catalogues that this gateway reads."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Path, Response

from gateway.api.catalogue_views import CatalogueBody, CataloguesView, CatalogueView, catalogue_view
from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.catalogue.errors import BadCatalogues
from gateway.trust.keys import BadKey, PublicKey, parse_public

NamePath = Annotated[str, Path(description="The catalogue's name.", examples=["acme"])]


def catalogue_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/v1/catalogues", tags=["catalogues"])
    catalogues = parts.market.catalogues

    @router.get(
        "",
        operation_id="listCatalogues",
        summary="List catalogues and how they stand",
        responses=responses(),
    )
    async def list_catalogues() -> CataloguesView:
        now = time.time()
        return CataloguesView(
            catalogues=[catalogue_view(standing, now) for standing in catalogues.standings()],
            problem=catalogues.problem,
        )

    @router.post(
        "",
        operation_id="addCatalogue",
        summary="Read a catalogue from now on",
        description="Taken once its index was fetched and is signed with the keys; else nothing changes.",
        status_code=201,
        responses=responses(400, 409, 413, 422),
    )
    async def add_catalogue(body: CatalogueBody, response: Response) -> CatalogueView:
        keys = [_key(number, text) for number, text in enumerate(body.keys)]
        standing = await catalogues.add(body.name, body.url, keys, body.threshold, fetch=body.fetch)
        response.headers["location"] = f"/api/v1/catalogues/{standing.name}"
        return catalogue_view(standing, time.time())

    @router.delete(
        "/{name}",
        operation_id="removeCatalogue",
        summary="Read a catalogue no more",
        description="What was installed from it stays.",
        status_code=204,
        responses=responses(404, 422),
    )
    async def remove_catalogue(name: NamePath) -> None:
        await catalogues.remove(name)
        await parts.market.forget_pictures()

    @router.post(
        "/{name}/refresh",
        operation_id="refreshCatalogue",
        summary="Fetch a catalogue again now",
        description="Where that fails, `problem` says why, and what was fetched before stays.",
        responses=responses(404, 422),
    )
    async def refresh_catalogue(name: NamePath) -> CatalogueView:
        return catalogue_view(await catalogues.refresh(name), time.time())

    return router


def _key(number: int, text: str) -> PublicKey:
    try:
        return parse_public(text)
    except BadKey as error:
        raise BadCatalogues(error.detail, fields={f"/keys/{number}": error.detail}, hint=error.hint) from None
