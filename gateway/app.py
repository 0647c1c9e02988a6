"""The composition root: the only place where the parts of a gateway meet."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
import uvicorn
from prometheus_client import REGISTRY
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import __version__
from gateway.access.gatekeeper import Gatekeeper
from gateway.api.app import create_api
from gateway.console.app import create_console
from gateway.definition import parse_definition
from gateway.errors import Conflict, PlugwayError
from gateway.home import Home
from gateway.model import PluginId, PluginState, Source
from gateway.proxy.app import DataPlane
from gateway.proxy.server import uvicorn_options
from gateway.registry.boards import EventBoard, OutcomeBoard, SnapshotBoard
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from gateway.runtimes.choose import choose_runtime
from gateway.settings import Settings
from gateway.sources.built_in import BuiltInSource
from gateway.sources.catalog import SourceCatalog
from gateway.sources.remote import RemoteSource
from gateway.sources.store import ContentStore
from gateway.supervisor.collector import Collector
from gateway.supervisor.lifecycle import Lifecycle
from gateway.supervisor.loop import Supervisor
from gateway.supervisor.refresh import Refresh
from gateway.supervisor.rollout_acts import RolloutActs
from gateway.trust.verify import verify_release

log = structlog.get_logger(__name__)
Announce = Callable[[str, str], None]
"""Told a label and a text for the operator's terminal."""


class PortTaken(Conflict):
    """Something else listens where the gateway should."""

    key, title = "port-taken", "The port is taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One running gateway: what a server has to serve, and what tests look at."""

    app: ASGIApp
    end_streams: Callable[[], None]
    gatekeeper: Gatekeeper
    store: RegistryStore
    supervisor: Supervisor
    lifecycle: Lifecycle
    events: EventBoard


class Front:
    """Sends plugin calls to the data plane and everything else to the management API."""

    def __init__(self, data_plane: ASGIApp, management: ASGIApp) -> None:
        self._data_plane = data_plane
        self._management = management

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            parts = scope["path"].split("/", 4)
            if len(parts) > 3 and parts[1] == "plugins" and parts[3] in ("api", "ui"):
                await self._data_plane(scope, receive, send)
                return
        await self._management(scope, receive, send)


@asynccontextmanager
async def open_gateway(settings: Settings, announce: Announce) -> AsyncIterator[Gateway]:
    """Open every part in order and close them in reverse; plugins are started or adopted."""
    async with contextlib.AsyncExitStack() as stack:
        home = await asyncio.to_thread(Home(settings.home).open)
        stack.callback(home.close)
        gatekeeper = await asyncio.to_thread(Gatekeeper.open, home, settings)
        cipher = await asyncio.to_thread(SecretCipher, home.path / "keys" / "secrets.key")
        store = await RegistryStore.open(settings.database, cipher)
        stack.push_async_callback(store.close)
        runtime, why = await choose_runtime(settings, home)
        stack.push_async_callback(runtime.close)
        announce("runtime", why)
        content = ContentStore(home.path / "store")
        catalog = SourceCatalog(
            {Source.BUILT_IN: BuiltInSource(settings.plugin_directories()), Source.REMOTE: RemoteSource()}
        )
        snapshots, events, outcomes = SnapshotBoard(epoch=store.epoch), EventBoard(), OutcomeBoard()
        refresh = Refresh(store=store, catalog=catalog, runtime=runtime, events=events, announce=announce)
        supervisor = Supervisor(
            store=store, snapshots=snapshots, events=events, outcomes=outcomes,
            runtime=runtime, content=content, settings=settings, verify=refresh.verify,
        )  # fmt: skip
        lifecycle = Lifecycle(
            store=store, supervisor=supervisor, catalog=catalog, verify=verify_release,
            events=events, runtime=runtime,
        )  # fmt: skip
        rollouts = RolloutActs(
            store=store,
            rollouts=supervisor.rollouts,
            catalog=catalog,
            verify=verify_release,
            turn=lifecycle.turn,
        )
        data_plane = DataPlane(
            snapshots=snapshots, outcomes=outcomes, gatekeeper=gatekeeper, content=content,
            settings=settings, asset_key=gatekeeper.asset_key,
        )  # fmt: skip
        stack.push_async_callback(data_plane.close)
        REGISTRY.register(data_plane.metrics)
        stack.callback(REGISTRY.unregister, data_plane.metrics)
        management = create_api(
            store=store, supervisor=supervisor, lifecycle=lifecycle, catalog=catalog, snapshots=snapshots,
            events=events, gatekeeper=gatekeeper, settings=settings, runtime_choice=why, runtime=runtime,
            rollouts=rollouts, console=create_console(),
        )  # fmt: skip
        await refresh.take()
        await supervisor.start()
        stack.push_async_callback(supervisor.stop, keep=settings.on_exit == "keep")
        await refresh.move(rollouts)
        collector = Collector(store, runtime, content, lifecycle.turn)
        await collector.start()
        stack.push_async_callback(collector.stop)
        yield Gateway(
            app=Front(data_plane, management), end_streams=management.state.streams.close,
            gatekeeper=gatekeeper, store=store, supervisor=supervisor, lifecycle=lifecycle, events=events,
        )  # fmt: skip


async def run(settings: Settings, announce: Announce) -> None:
    """Serve until SIGINT or SIGTERM; raises :class:`PlugwayError` where it cannot begin."""
    announce("gateway", f"Plugway {__version__}, state in {settings.home}")
    listener = listen(settings.host, settings.port)
    port = listener.getsockname()[1]
    base = settings.public_url.rstrip("/") or f"http://{_for_url(settings.host)}:{port}"
    with contextlib.closing(listener):
        async with open_gateway(settings, announce) as gateway:
            server = Server(uvicorn_config(gateway.app, settings), gateway.end_streams)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            watching = asyncio.create_task(_tell_states(gateway.events, announce))
            announce("console", f"{base}/login?code={gateway.gatekeeper.new_login_code()}  (works once)")
            announce("API", f"{base}/docs, with the token in {settings.home / 'admin.token'}")
            installing = asyncio.create_task(_first_start(gateway, settings, announce))
            try:
                await serving
            finally:
                announce("stopping", "running calls finish; press Ctrl-C again to cut them")
                for task in (installing, watching):
                    task.cancel()
                await asyncio.gather(installing, watching, return_exceptions=True)
    announce("stopped", "plugins run on" if settings.on_exit == "keep" else "nothing is left running")


class Server(uvicorn.Server):
    """uvicorn without its signal handling, which would re-raise before the plugins are stopped."""

    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._end_streams = end_streams

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._asked_to_end, number)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _asked_to_end(self, number: int) -> None:
        # Event streams never end by themselves, and the server waits for them.
        self._end_streams()
        self.handle_exit(number, None)


def uvicorn_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(app, lifespan="on", log_config=None, **uvicorn_options(settings))


def listen(host: str, port: int) -> socket.socket:
    """Bind before anything is started, so that a taken port costs nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Whoever follows the link at once waits in the queue instead of being refused.
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise PortTaken(
            f"Cannot listen on {host}:{port}: {error.strerror}.",
            hint=f"Choose another port, for example: make run PORT={port + 1}",
        ) from error
    listener.setblocking(False)
    return listener


def _for_url(host: str) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - only shown, never bound
    return f"[{host}]" if ":" in host else host


async def _first_start(gateway: Gateway, settings: Settings, announce: Announce) -> None:
    """Install the shipped plugins, once in the life of a home directory."""
    done = settings.home / "first-start.done"
    if await asyncio.to_thread(done.exists):
        return
    installed = {record.id for record in gateway.store.plugins()}
    for part in filter(None, (part.strip() for part in settings.install.split(","))):
        name, _, url = part.partition("=")
        if PluginId(name) in installed:
            continue
        wanted = {"id": name, "source": "external", "sourceUrl": url} if url else {"id": name}
        try:
            await gateway.lifecycle.install(parse_definition(wanted))
        except PlugwayError as error:
            announce(name, f"not installed: {error.detail} {error.hint}".strip())
    await asyncio.to_thread(done.touch)


async def _tell_states(events: EventBoard, announce: Announce) -> None:
    async for event in events.follow():
        if event.type == "plugin.state":
            reason = str(event.data.get("reason") or "")
            state = str(event.data.get("state"))
            announce(
                event.plugin, state if state == PluginState.HEALTHY or not reason else f"{state}: {reason}"
            )
        elif event.type == "plugin.progress" and event.data.get("text"):
            announce(event.plugin, str(event.data["text"]))
