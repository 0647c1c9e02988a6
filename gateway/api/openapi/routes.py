"""The unified OpenAPI document over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from gateway.access.roles import role_on
from gateway.api.guard import caller_of
from gateway.api.openapi.fragment import Fragment
from gateway.api.openapi.management import management_document
from gateway.api.openapi.unified import fragment_or_reason, unify
from gateway.api.parts import Parts
from gateway.api.ports import Store
from gateway.api.problems import responses
from gateway.api.system_views import OpenApiView
from gateway.model import Manifest, PluginId, ReleaseId

_Part = tuple[PluginId, ReleaseId, bool]
_MOST_VIEWS = 8
"""Documents that are kept: one for each set of plugins that callers may see."""


class UnifiedDocument:
    """The document as bytes, made anew only where the installed releases changed."""

    def __init__(self, store: Store, app: FastAPI) -> None:
        self._store = store
        self._app = app
        self._lock = asyncio.Lock()
        self._base: dict[str, Any] | None = None
        self._fragments: dict[_Part, Fragment | str] = {}
        self._views: dict[tuple[_Part, ...], tuple[bytes, str]] = {}

    async def current(self, sees: Callable[[PluginId], bool]) -> tuple[bytes, str]:
        """The JSON text and its entity tag, for one who sees these plugins."""
        installed = {record.id: self._store.release(record.release_id) for record in self._store.plugins()}
        known = {
            (id_, release.release.id, release.manifest is None): release.manifest
            for id_, release in installed.items()
        }
        key = tuple(part for part in known if sees(part[0]))
        async with self._lock:
            view = self._views.pop(key, None)
            if view is None:
                # In a thread: documents may be large, and plugins wrote them.
                text = await asyncio.to_thread(self._make, key, known)
                view = (text, f'"{hashlib.sha256(text).hexdigest()[:32]}"')
            # The last one asked for is the last to go.
            self._views[key] = view
            while len(self._views) > _MOST_VIEWS:
                del self._views[next(iter(self._views))]
            return view

    def _make(self, key: Sequence[_Part], known: Mapping[_Part, Manifest | None]) -> bytes:
        kept = {part: fragment for part, fragment in self._fragments.items() if part in known}
        for part in key:
            if part not in kept:
                kept[part] = fragment_or_reason(part[0], known[part])
        self._fragments = kept
        plugins = [(part[0], kept[part]) for part in key]
        # Not with the first routes, as some are added later.
        self._base = self._base or management_document(self._app)
        return json.dumps(unify(self._base, plugins)).encode()


def openapi_routes(parts: Parts, app: FastAPI) -> APIRouter:
    router = APIRouter(tags=["system"])
    document = UnifiedDocument(parts.store, app)

    @router.get(
        "/openapi.json",
        operation_id="getOpenApi",
        summary="This document",
        description="OpenAPI 3.1 of the management API, and of the routes and services of the plugins "
        "that the caller may use.",
        response_model=OpenApiView,
        responses={**responses(), 304: {"description": "Unchanged since the given ETag."}},
    )
    async def get_openapi(request: Request) -> Response:
        caller = caller_of(request.scope)
        text, tag = await document.current(lambda plugin: bool(role_on(caller, plugin)))
        headers = {"etag": tag, "cache-control": "private, no-cache", "vary": "authorization, cookie"}
        if is_known(request.headers.getlist("if-none-match"), tag):
            return Response(status_code=304, headers=headers)
        return Response(text, headers=headers, media_type="application/json")

    return router


def is_known(conditions: Iterable[str], tag: str) -> bool:
    """Whether ``If-None-Match`` names this entity tag (RFC 9110, 13.1.2: weakly compared)."""
    named = {one.strip().removeprefix("W/") for value in conditions for one in value.split(",")}
    return "*" in named or tag in named
