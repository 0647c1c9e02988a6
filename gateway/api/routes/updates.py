"""What is newer than what is installed."""

from __future__ import annotations

from fastapi import APIRouter

from gateway.api.catalogue_views import UpdatesView
from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.api.updates import doubts, update_view


def update_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["plugins"])

    @router.get(
        "/api/v1/updates",
        operation_id="listUpdates",
        summary="Which installed plugins have a newer version, and what that asks for",
        description="Asks no network: refresh the catalogues first to be sure.",
        responses=responses(),
    )
    async def list_updates() -> UpdatesView:
        return await _updates(parts)

    @router.post(
        "/api/v1/updates/check",
        operation_id="checkUpdates",
        summary="Look where plugins came from, then tell which have a newer version",
        description="Asks the registries of images for their tags, and fetches pages from CDNs anew to hash "
        "them. Catalogues are as they were fetched last. Nothing is moved.",
        responses=responses(),
    )
    async def check_updates() -> UpdatesView:
        await parts.sources.look()
        return await _updates(parts)

    return router


async def _updates(parts: Parts) -> UpdatesView:
    offers = await parts.market.offers()
    return UpdatesView(
        updates=[update_view(parts, record, offers) for record in parts.store.plugins()],
        doubts=doubts(parts),
    )
