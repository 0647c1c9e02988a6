"""The console: static pages without a build step, whose data all comes from the management API."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STATIC = Path(__file__).parent / "static"
_PAGE = (_STATIC / "index.html").read_bytes()
_ICON = (_STATIC / "icon.svg").read_bytes()

# Read now rather than at the first call, in the event loop. Some systems' tables lack JavaScript.
mimetypes.init()
mimetypes.add_type("text/javascript", ".js")

# Pages that the router in static/app.js knows; any other path shows it too, with status 404.
PAGES = (
    "/",
    "/login",
    "/tokens",
    "/audit",
    "/catalog",
    "/catalog/{id}",
    "/plugins/{id}",
    "/plugins/{id}/open",
    "/plugins/{id}/trust",
    "/plugins/{id}/rollouts",
    "/plugins/{id}/settings",
    "/plugins/{id}/figures",
    "/plugins/{id}/logs",
)

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        # Also what keeps a plugin's frame from taking itself to another host.
        "frame-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS = {
    b"content-security-policy": _POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
    # Files carry an ETag; asking each time keeps pages and modules of one gateway version together.
    b"cache-control": b"no-cache",
}


def create_console() -> Starlette:
    """Serves the pages and ``/static``; holds no secrets, hence needs no session."""

    async def show(_: Request) -> Response:
        return Response(_PAGE, media_type="text/html")

    async def show_icon(_: Request) -> Response:
        return Response(_ICON, media_type="image/svg+xml")

    async def not_found(_: Request, __: Exception) -> Response:
        return Response(_PAGE, status_code=404, media_type="text/html")

    async def not_allowed(_: Request, __: Exception) -> Response:
        # The framework's server of files leaves the header out.
        return Response("This is only read.", 405, {"allow": "GET, HEAD"}, "text/plain")

    app = Starlette(
        routes=[
            *(Route(path, show, methods=["GET"]) for path in PAGES),
            Route("/favicon.ico", show_icon, methods=["GET"]),
            Mount("/static", StaticFiles(directory=_STATIC, check_dir=False)),
        ],
        exception_handlers={404: not_found, 405: not_allowed},
    )
    app.add_middleware(_OwnHeaders)
    return app


class _OwnHeaders:
    """Sets the console's headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message["headers"] if pair[0].lower() not in _HEADERS]
                message["headers"] = [*kept, *_HEADERS.items()]
            await send(message)

        await self._app(scope, receive, send_with_headers)
