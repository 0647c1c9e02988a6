"""The page that shows the unified OpenAPI document. All its files come from here."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from gateway.api.parts import Parts

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PLACE = Path(__file__).parent
# Read with the module, as an event loop must not wait for files.
_FILES = {
    "/docs": (_PLACE.joinpath("docs.html").read_bytes(), "text/html; charset=utf-8"),
    "/docs/docs.css": (_PLACE.joinpath("docs.css").read_bytes(), "text/css; charset=utf-8"),
    "/docs/docs.js": (_PLACE.joinpath("docs.js").read_bytes(), "text/javascript; charset=utf-8"),
    "/docs/schema.js": (_PLACE.joinpath("schema.js").read_bytes(), "text/javascript; charset=utf-8"),
}


def docs_routes(_: Parts) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    for path, (content, media_type) in _FILES.items():
        _add_file(router, path, content, media_type)
    return router


def _add_file(router: APIRouter, path: str, content: bytes, media_type: str) -> None:
    @router.get(path)
    async def get_file() -> Response:
        return Response(content, headers={"content-type": media_type, "content-security-policy": _POLICY})
