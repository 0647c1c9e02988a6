"""A plugin's page by itself, under the policy that the console sets, with the API beside it.

python -m tests.shipped.preview DIRECTORY NAME=VALUE ...

DIRECTORY is the plugin's, the rest are the fields of one connection. It is served at http://127.0.0.1:8090.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import uvicorn
from plugway_sdk import Plugin
from plugway_sdk.ui import kit_root
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

PAGE = Path(__file__).with_name("page")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; require-trusted-types-for 'script'"
)


class WithPolicy:
    """Sets the policy on every answer."""

    def __init__(self, app: Any, policy: str) -> None:
        self.app, self.policy = app, policy.encode()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", self.policy)]
            await send(message)

        await self.app(scope, receive, sending)


def preview(plugin: Plugin[Any]) -> Any:
    """The page at /, its files at /ui, the API at /api; it starts and ends as the plugin's app does."""
    api: Any = plugin.app

    async def page(_: Any) -> HTMLResponse:
        return HTMLResponse((PAGE / "page.html").read_text().replace("NAME", plugin.name))

    app = Starlette(
        routes=[
            Route("/", page),
            Mount("/preview", StaticFiles(directory=PAGE)),
            Mount("/ui/kit", StaticFiles(directory=kit_root())),
            Mount("/ui", StaticFiles(directory=str(plugin.ui))),
            Mount("/api", api),
        ],
        lifespan=lambda _: api.router.lifespan_context(api),
    )
    return WithPolicy(app, "; ".join((POLICY, *plugin.permissions.origins)))


async def configure(plugin: Plugin[Any], connections: dict[str, Any]) -> None:
    """As the gateway does it."""
    assert plugin.settings_class is not None
    assert plugin.on_configure is not None
    await plugin.on_configure(plugin.settings_class.model_validate({"connections": connections}))


async def serve(plugin: Plugin[Any], connection: dict[str, Any]) -> None:
    await configure(plugin, {"local": connection})
    await uvicorn.Server(uvicorn.Config(preview(plugin), port=8090)).serve()


def load(directory: Path) -> Plugin[Any]:
    """The plugin whose package lies there."""
    sys.path.append(str(directory))
    (module,) = directory.glob("*/plugin.py")
    made: Plugin[Any] = importlib.import_module(f"{module.parent.name}.plugin").create_plugin()
    return made


if __name__ == "__main__":
    fields = dict(field.split("=", 1) for field in sys.argv[2:])
    asyncio.run(serve(load(Path(sys.argv[1])), fields))
