"""What could be installed."""

from __future__ import annotations

from collections import defaultdict

from fastapi import APIRouter

from gateway.access.roles import Role
from gateway.api.access import needs
from gateway.api.convert import catalog_view
from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.api.views import CatalogView
from gateway.model import Source


def catalog_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/v1/catalog", tags=["plugins"])

    @router.get(
        "",
        operation_id="listCatalog",
        summary="List what can be installed",
        dependencies=[needs(Role.VIEWER)],
        responses=responses(),
    )
    async def list_catalog() -> CatalogView:
        installed = {str(record.id) for record in parts.store.plugins()}
        entries = await parts.catalog.available()
        versions: dict[tuple[str, Source], list[str]] = defaultdict(list)
        for entry in entries:
            if not entry.problem:
                versions[entry.id, entry.source].append(entry.version)
        return CatalogView(
            plugins=[
                catalog_view(
                    entry, versions=versions[entry.id, entry.source], installed=entry.id in installed
                )
                for entry in entries
            ]
        )

    return router
