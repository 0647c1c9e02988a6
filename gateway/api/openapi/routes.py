"""The unified OpenAPI document over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from gateway.api.openapi.fragment import Fragment
from gateway.api.openapi.management import management_document
from gateway.api.openapi.unified import fragment_or_reason, unify
from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.api.system_views import OpenApiView
from gateway.model import Manifest, PluginId
from gateway.registry.records import ReleaseRecord

_Key = tuple[tuple[PluginId, str, bool], ...]


class UnifiedDocument:
    """The document as bytes, made anew only where the installed releases changed."""

    def __init__(self, parts: Parts, app: FastAPI) -> None:
        self._parts = parts
        self._app = app
        self._lock = asyncio.Lock()
        self._fragments: dict[tuple[PluginId, str, bool], Fragment | str] = {}
        self._made: tuple[_Key, bytes, str] | None = None

    async def current(self) -> tuple[bytes, str]:
        """The JSON text and its entity tag."""
        releases = {
            record.id: self._parts.store.release(record.release_id) for record in self._parts.store.plugins()
        }
        key = tuple((id_, release.release.id, release.manifest is None) for id_, release in releases.items())
        async with self._lock:
            if self._made is None or self._made[0] != key:
                # In a thread: documents may be large, and plugins wrote them.
                text = await asyncio.to_thread(self._make, key, releases)
                self._made = (key, text, f'"{hashlib.sha256(text).hexdigest()[:32]}"')
            return self._made[1], self._made[2]

    def _make(self, key: _Key, releases: Mapping[PluginId, ReleaseRecord]) -> bytes:
        manifests: list[Manifest | None] = [release.manifest for release in releases.values()]
        self._fragments = {
            part: self._fragments.get(part) or fragment_or_reason(part[0], manifest)
            for part, manifest in zip(key, manifests, strict=True)
        }
        plugins = [(part[0], fragment) for part, fragment in self._fragments.items()]
        return json.dumps(unify(management_document(self._app), plugins)).encode()


def openapi_routes(parts: Parts, app: FastAPI) -> APIRouter:
    router = APIRouter(tags=["system"])
    document = UnifiedDocument(parts, app)

    @router.get(
        "/openapi.json",
        operation_id="getOpenApi",
        summary="This document",
        description="OpenAPI 3.1 of the management API and of every plugin's routes. Has an ETag.",
        response_model=OpenApiView,
        responses={**responses(), 304: {"description": "Unchanged since the given ETag."}},
    )
    async def get_openapi(request: Request) -> Response:
        text, tag = await document.current()
        headers = {"etag": tag, "cache-control": "private, no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(text, headers=headers, media_type="application/json")

    return router
