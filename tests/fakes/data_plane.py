"""A data plane behind the real uvicorn, with a table that the test writes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from gateway.access.gatekeeper import Gatekeeper
from gateway.call_limits import Limits
from gateway.model import Endpoint, InstanceId, PluginId, PluginState, ReleaseId, RouteRule, UiType
from gateway.proxy.access_log import AccessLog
from gateway.proxy.app import DataPlane
from gateway.proxy.server import uvicorn_options
from gateway.proxy.split import Front
from gateway.proxy.tracing import Tracing
from gateway.registry.boards import OutcomeBoard, SnapshotBoard
from gateway.routing import Route, Target
from gateway.settings import Settings
from gateway.sources.store import ContentStore
from gateway.ui_bundles import UiBundle

TOKEN = "test-token-0123456789"
AUTH = {"authorization": f"Bearer {TOKEN}"}


def gatekeeper() -> Gatekeeper:
    return Gatekeeper(token=TOKEN, session_key="k" * 32, session_seconds=3600)


async def until(condition: Callable[[], object], within: float = 10.0) -> None:
    """Wait for something that happens in another task or process."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def served(
    app: Any, settings: Settings, connections: list[set[Any]] | None = None, **options: Any
) -> AsyncIterator[int]:
    """The application on a free port of the loopback address.

    ``connections`` is given the server's own set of those that are open.
    """
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    chosen = {**uvicorn_options(settings), "log_config": None, "lifespan": "off", **options}
    config = uvicorn.Config(app, **chosen)
    config.load()
    # Without uvicorn's main loop, which looks for its end ten times a second, and for signals.
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    await server.on_tick(0)
    if connections is not None:
        connections.append(server.server_state.connections)
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.force_exit = True
        await server.shutdown(sockets=[listener])


def endpoint(address: str, name: str = "one", incarnation: str = "1") -> Endpoint:
    return Endpoint(instance_id=InstanceId(name), address=address, incarnation=incarnation)


def route(
    *endpoints: Endpoint,
    plugin: str = "notes",
    state: PluginState = PluginState.HEALTHY,
    reason: str = "",
    rules: tuple[RouteRule, ...] = (),
    limits: Limits | None = None,
    ui: UiBundle | None = None,
    retry_after: float = 1.0,
    templates: tuple[str, ...] = (),
) -> Route:
    target = Target(
        release_id=ReleaseId("r1"),
        version="1.0.0",
        endpoints=endpoints,
        rules=rules,
        ui=ui,
        templates=templates,
    )
    return Route(
        plugin_id=PluginId(plugin),
        state=state,
        reason=reason,
        targets=(target,),
        limits=limits or Limits(),
        retry_after=retry_after,
    )


@dataclass
class Plane:
    """A running data plane and the boards that feed it."""

    port: int
    snapshots: SnapshotBoard
    outcomes: OutcomeBoard
    data_plane: DataPlane
    content: ContentStore
    gatekeeper: Gatekeeper
    routes: dict[PluginId, Route] = field(default_factory=dict)
    open: list[set[Any]] = field(default_factory=list)

    @property
    def connections(self) -> set[Any]:
        """What the server has open, as uvicorn knows it."""
        return self.open[0]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def publish(self, *routes: Route) -> None:
        self.routes.update({route.plugin_id: route for route in routes})
        self.snapshots.publish(self.routes)

    def remove(self, plugin: str) -> None:
        del self.routes[PluginId(plugin)]
        self.snapshots.publish(self.routes)

    async def bundle(self, **files: bytes) -> UiBundle:
        """Put files into the content store; ``index_js`` becomes ``index.js``."""
        stored = {}
        for name, data in files.items():
            stored[name.replace("__", "/").replace("_", ".")] = await self.content.put(_once(data))
        digest = hashlib.sha256(repr(sorted(stored.items())).encode()).hexdigest()
        return UiBundle(digest=f"sha256:{digest}", type=UiType.STATIC, entry="index.js", files=stored)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


@contextlib.asynccontextmanager
async def running_plane(
    home: Path, log: AccessLog | None = None, tracing: Tracing | None = None, **settings: Any
) -> AsyncIterator[Plane]:
    chosen = Settings(home=home, **settings)
    snapshots, outcomes, keeper = SnapshotBoard(), OutcomeBoard(), gatekeeper()
    content = ContentStore(home / "store")
    (home / "store").mkdir(parents=True)
    data_plane = DataPlane(
        snapshots=snapshots,
        outcomes=outcomes,
        gatekeeper=keeper,
        content=content,
        settings=chosen,
        asset_key=b"a" * 32,
        log=log,
        tracing=tracing,
    )
    connections: list[set[Any]] = []
    async with served(Front(data_plane, data_plane), chosen, connections) as port:
        yield Plane(port, snapshots, outcomes, data_plane, content, keeper, open=connections)
    await data_plane.close()
