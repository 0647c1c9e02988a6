"""The page that shows the unified OpenAPI document. All its files come from here."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from gateway.access.roles import Role
from gateway.api.access import needs
from gateway.api.parts import Parts

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FILES = {
    "/docs": ("docs.html", "text/html; charset=utf-8"),
    "/docs/docs.css": ("docs.css", "text/css; charset=utf-8"),
    "/docs/docs.js": ("docs.js", "text/javascript; charset=utf-8"),
    "/docs/schema.js": ("schema.js", "text/javascript; charset=utf-8"),
}


def docs_routes(_: Parts) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    for path, (name, media_type) in _FILES.items():
        _add_file(router, path, name, media_type)
    return router


def _add_file(router: APIRouter, path: str, name: str, media_type: str) -> None:
    content = (Path(__file__).parent / name).read_bytes()

    @router.get(path, dependencies=[needs(Role.VIEWER)], name=name)
    async def get_file() -> Response:
        return Response(content, headers={"content-type": media_type, "content-security-policy": _POLICY})
