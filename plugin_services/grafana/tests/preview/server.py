"""The page by itself, under the policy that the console sets, with the API beside it.

python plugin_services/grafana_management/tests/preview/server.py http://127.0.0.1:3000 USER PASSWORD
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import uvicorn
from plugway_sdk.ui import kit_root
from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

HERE = Path(__file__).resolve().parent
PLUGIN = HERE.parents[1]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; require-trusted-types-for 'script'"
)


class WithPolicy:
    """Sets the policy on every answer."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", POLICY.encode())]
            await send(message)

        await self.app(scope, receive, sending)


def preview(api: Any) -> Any:
    """The page at /, its files at /ui, ``api`` at /api."""

    async def page(_: Any) -> FileResponse:
        return FileResponse(HERE / "page.html")

    return WithPolicy(
        Starlette(
            routes=[
                Route("/", page),
                Mount("/preview", StaticFiles(directory=HERE)),
                Mount("/ui/kit", StaticFiles(directory=kit_root())),
                Mount("/ui", StaticFiles(directory=PLUGIN / "grafana_management" / "ui")),
                Mount("/api", api),
            ]
        )
    )


async def main(url: str, user: str, password: str) -> None:
    from grafana_management.app import create_app
    from grafana_management.links import Links
    from grafana_management.settings import Settings

    links = Links()
    one = {"url": url, "user": user, "password": password}
    await links.use(Settings.model_validate({"connections": {"local": one}}))
    await uvicorn.Server(uvicorn.Config(preview(create_app(links)), port=8090)).serve()


if __name__ == "__main__":
    sys.path.insert(0, str(PLUGIN))
    asyncio.run(main(*sys.argv[1:4]))
