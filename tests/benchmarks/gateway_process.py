"""The data plane alone in a process, everything on: ``... gateway_process PORT SOCKET PLUGINS HOME``."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
import uvloop

from gateway.model import PluginId, Route
from gateway.proxy.app import DataPlane
from gateway.proxy.server import uvicorn_options
from gateway.proxy.split import Front
from gateway.registry.boards import OutcomeBoard, SnapshotBoard
from gateway.settings import Settings
from gateway.sources.store import ContentStore
from tests.fakes.data_plane import endpoint, gatekeeper, route


def routes(plugins: int, address: str) -> dict[PluginId, Route]:
    """``notes`` and others, each with an instance of its own at the one address."""
    names = ["notes", *(f"plugin-{number}" for number in range(plugins - 1))]
    return {PluginId(name): route(endpoint(address, f"{name}-1"), plugin=name) for name in names}


async def main(port: str, socket: str, plugins: str, home: str) -> None:
    settings = Settings.model_validate({"home": home})
    snapshots = SnapshotBoard()
    data_plane = DataPlane(
        snapshots=snapshots,
        outcomes=OutcomeBoard(),
        gatekeeper=gatekeeper(),
        content=ContentStore(Path(home)),
        settings=settings,
        asset_key=b"a" * 32,
    )
    snapshots.publish(routes(int(plugins), f"unix:{socket}"))
    # Nothing is sent to the management side, so the data plane may stand in for it.
    app = Front(data_plane, data_plane)
    options = {**uvicorn_options(settings), "log_config": None, "lifespan": "off"}
    await uvicorn.Server(uvicorn.Config(app, port=int(port), **options)).serve()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
