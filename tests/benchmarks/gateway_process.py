"""The data plane alone in a process, everything on: ``... gateway_process PORT SOCKET PLUGINS HOME``."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import uvicorn
import uvloop

from gateway.model import PluginId, TypedServices, UiType
from gateway.proxy.access_log import AccessLog
from gateway.proxy.app import DataPlane
from gateway.proxy.server import uvicorn_options
from gateway.proxy.split import Front
from gateway.registry.boards import OutcomeBoard, SnapshotBoard
from gateway.routing import Route
from gateway.settings import Settings
from gateway.sources.store import ContentStore
from gateway.ui_bundles import UiBundle
from tests.benchmarks.cases import ASSET, STREAMS
from tests.benchmarks.typed import SERVICE, descriptors
from tests.fakes.data_plane import endpoint, gatekeeper, route


def routes(plugins: int, address: str) -> dict[PluginId, Route]:
    """``notes`` and others, each with an instance of its own at the one address."""
    names = ["notes", *(f"plugin-{number}" for number in range(plugins - 1))]
    return {PluginId(name): route(endpoint(address, f"{name}-1"), plugin=name) for name in names}


async def with_parts(table: dict[PluginId, Route], content: ContentStore) -> dict[PluginId, Route]:
    """Give ``notes`` a page and room for many streams; ``typed`` is the same plugin with typed services."""
    notes = table[PluginId("notes")]
    file = await content.put(_once(ASSET))
    digest = f"sha256:{hashlib.sha256(ASSET).hexdigest()}"
    page = UiBundle(digest=digest, type=UiType.STATIC, entry="page.js", files={"page.js": file})
    found = await content.put(_once(descriptors().SerializeToString()))
    typed = TypedServices(names=(SERVICE,), descriptors=found)
    target = notes.targets[0]
    return {
        **table,
        PluginId("notes"): replace(
            notes,
            targets=(replace(target, ui=page),),
            limits=replace(notes.limits, max_concurrent=2 * STREAMS),
        ),
        PluginId("typed"): replace(
            notes, plugin_id=PluginId("typed"), targets=(replace(target, typed=typed),)
        ),
    }


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def main(port: str, socket: str, plugins: str, home: str) -> None:
    settings = Settings.model_validate({"home": home})
    snapshots, content = SnapshotBoard(), ContentStore(Path(home))
    data_plane = DataPlane(
        snapshots=snapshots,
        outcomes=OutcomeBoard(),
        gatekeeper=gatekeeper(),
        content=content,
        settings=settings,
        asset_key=b"a" * 32,
        log=AccessLog.of(settings),
    )
    snapshots.publish(await with_parts(routes(int(plugins), f"unix:{socket}"), content))
    # Nothing is sent to the management side, so the data plane may stand in for it.
    app = Front(data_plane, data_plane)
    options = {**uvicorn_options(settings), "log_config": None, "lifespan": "off"}
    await uvicorn.Server(uvicorn.Config(app, port=int(port), **options)).serve()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
