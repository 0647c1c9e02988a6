"""Bundles: a set of plugins as one file, for a site without network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import iterate_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse

from gateway.api.bundle_views import BundleView, InstalledView, brought_view
from gateway.api.convert import candidate_view
from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.api.routes.plugins import Downgrade, note_downgrade
from gateway.model import PluginId
from gateway.sources.bundle_file import MAX_PLUGINS, BadBundle

MEDIA_TYPE = "application/x-tar"
Ids = Annotated[
    list[str], Query(max_length=MAX_PLUGINS, description="A plugin's id; repeatable. All if left out.")
]
_UPLOAD = {
    "requestBody": {
        "required": True,
        "description": "The bundle, as it was exported. `PLUGWAY_BUNDLE_BYTES` is the limit.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


def bundle_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/v1/bundles", tags=["plugins"])
    _add_export(router, parts)
    _add_import(router, parts)
    return router


def _add_export(router: APIRouter, parts: Parts) -> None:

    @router.get(
        "",
        operation_id="exportBundle",
        summary="Put installed plugins into one file",
        response_class=StreamingResponse,
        responses={
            **responses(404, 409, 422),
            200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}},
        },
    )
    async def export_bundle(
        plugin: Annotated[
            list[str],
            Query(min_length=1, max_length=MAX_PLUGINS, description="A plugin's id; repeatable."),
        ],
    ) -> StreamingResponse:
        export = await parts.bundles.export([PluginId(id_) for id_ in plugin])
        return StreamingResponse(
            iterate_in_threadpool(export.parts),
            media_type=MEDIA_TYPE,
            headers={
                "content-length": str(export.length),
                "content-disposition": 'attachment; filename="plugins.bundle"',
            },
        )


def _add_import(router: APIRouter, parts: Parts) -> None:

    @router.post(
        "/preview",
        operation_id="previewBundle",
        summary="Show what installing a bundle would bring",
        description="Checks and judges it, and installs nothing. Refusals are in the answer.",
        responses=responses(404, 413, 422),
        openapi_extra=_UPLOAD,
    )
    async def preview_bundle(
        request: Request,
        plugin: Ids = [],  # noqa: B006
        downgrade: Downgrade = False,
    ) -> BundleView:
        found = await parts.bundles.preview(_body(request), plugin, downgrade=downgrade)
        return BundleView(
            plugins=[candidate_view(candidate) for candidate in found.candidates],
            catalogues=[brought_view(brought) for brought in found.catalogues],
        )

    @router.post(
        "",
        operation_id="importBundle",
        summary="Install plugins from a bundle",
        description="All of them or none is judged fit first. They start after that; follow them by events.",
        responses=responses(404, 409, 413, 422),
        openapi_extra=_UPLOAD,
    )
    async def import_bundle(
        request: Request,
        plugin: Ids = [],  # noqa: B006
        consent: Annotated[
            list[str],
            Query(max_length=MAX_PLUGINS, description="The `releaseId` that a preview showed; repeatable."),
        ] = [],  # noqa: B006
        downgrade: Downgrade = False,
    ) -> InstalledView:
        note_downgrade(request, downgrade)
        installed = await parts.bundles.install(_body(request), plugin, consent, downgrade=downgrade)
        return InstalledView(installed=list(installed))


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        raise BadBundle("The upload broke off.", hint="Import it again; nothing was kept.") from None
