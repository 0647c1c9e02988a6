"""The plugin `panel`, fetched from a web server of the test: for what happens while it is installed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.fakes.npm_registry import tarball
from tests.fakes.web import Page, Web
from tests.running import RunningGateway

PATH = "/panel-{version}.tgz"


def module(version: str) -> str:
    return f"export function mount(root) {{ root.textContent = 'panel {version}'; }}\n"


def archive(version: str, **more: str | bytes) -> bytes:
    """The package with one module, and ``more`` files."""
    package = {"name": "panel", "version": version, "exports": "./index.js"}
    return tarball({"package.json": json.dumps(package), "index.js": module(version), **more})


def publish(web: Web, version: str, **more: str | bytes) -> None:
    web.pages[PATH.format(version=version)] = Page(archive(version, **more))


def publish_slowly(web: Web, version: str, chunks: int, pause: float, size: int) -> None:
    """``chunks`` of ``size`` bytes, with ``pause`` seconds after each."""

    async def body() -> AsyncIterator[bytes]:
        for _ in range(chunks):
            yield b"x" * size
            await asyncio.sleep(pause)

    web.pages[PATH.format(version=version)] = Page(body, headers={"content-length": str(chunks * size)})


def publish_half(web: Web, version: str) -> None:
    """It begins to arrive, and does not go on."""
    publish_slowly(web, version, 2, 3600.0, 2**20)


def definition(base: str, version: str = "1.0.0") -> dict[str, Any]:
    return {
        "id": "panel",
        "version": version,
        "source": "cdn",
        "uiConfig": {"packageUrl": base + PATH},
    }


SETTINGS = {"PLUGWAY_FETCH_ALLOW": "127.0.0.1", "PLUGWAY_CDN_UNPINNED": "true"}


def external(home: Path) -> list[str]:
    """What is kept of what was fetched, finished or not."""
    place = home / "external"
    found = [*place.iterdir(), *(place / "tmp").glob("*")] if place.is_dir() else []
    return sorted(path.name for path in found if path != place / "tmp")


async def there(running: RunningGateway) -> bool:
    return (await running.client.get("/api/v1/plugins/panel")).status_code == 200


async def shown(running: RunningGateway) -> str:
    """The page that is served now."""
    answer = await running.client.get("/plugins/panel/ui/index.js")
    return answer.raise_for_status().text
