"""The page by itself, under the policy that the console sets, with the API and a Power BI of the tests' own.

python plugin_services/power_bi/tests/preview/server.py
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
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
    "connect-src 'self'; frame-src https://app.powerbi.com; form-action 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'"
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
                Mount("/ui", StaticFiles(directory=PLUGIN / "power_bi" / "ui")),
                Mount("/api", api),
            ]
        )
    )


async def main() -> None:
    from power_bi.app import create_app
    from power_bi.links import Links
    from power_bi.settings import Settings

    from plugin_services.power_bi.tests.conftest import CloudServer

    cloud = CloudServer(Path(tempfile.mkdtemp(prefix="plugway-power-bi-")))
    await asyncio.to_thread(cloud.start)
    links = Links()
    await links.use(Settings.model_validate({"connections": {"contoso": cloud.connection}}))
    try:
        await uvicorn.Server(uvicorn.Config(preview(create_app(links)), port=8090)).serve()
    finally:
        await asyncio.to_thread(cloud.kill)


if __name__ == "__main__":
    sys.path += [str(PLUGIN), str(PLUGIN.parents[1])]
    asyncio.run(main())
