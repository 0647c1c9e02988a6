"""Serving a gateway in the foreground: the socket, the signals, what the operator's terminal is told."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from typing import TYPE_CHECKING

from gateway import __version__
from gateway.app import Gateway, open_gateway
from gateway.back import Announce
from gateway.definition import parse_definition
from gateway.errors import Conflict, PlugwayError
from gateway.home import Home
from gateway.model import PluginId, PluginState
from gateway.open_files import raise_limit
from gateway.registry.boards import Event, EventBoard
from gateway.settings import Settings

if TYPE_CHECKING:
    import ssl

    from starlette.types import ASGIApp

    from gateway.server_tls import TlsPair

    Tls = tuple[TlsPair, ssl.SSLContext]

_TRANSIENT = (PluginState.STARTING.value, PluginState.HEALTHY.value)


class PortTaken(Conflict):
    """Something else listens where the gateway should."""

    key, title = "port-taken", "The port is taken"


async def run(settings: Settings, announce: Announce) -> None:
    """Serve until SIGINT or SIGTERM; raises :class:`PlugwayError` where it cannot begin.

    SIGTERM before it serves cancels it, and what has begun is ended.
    """
    announce("gateway", f"Plugway {__version__}, state in {settings.home}")
    raise_limit()
    # Plugins start before there is a server, which then takes the signal over.
    if this := asyncio.current_task():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    tls = await asyncio.to_thread(_tls, settings, announce) if settings.serves_tls else None
    if settings.workers:
        await _run_with_workers(settings, announce)
    else:
        await _run_alone(settings, announce, tls)
    announce("stopped", "plugins run on" if settings.on_exit == "keep" else "nothing is left running")


def _tls(settings: Settings, announce: Announce) -> Tls:
    """Before anything is started, so that a certificate that is no good costs nothing."""
    from gateway.server_tls import find_pair, make_context

    pair = find_pair(settings)
    assert pair is not None
    context = make_context(pair)
    if pair.made:
        authority = pair.certificate.with_name("ca.pem")
        announce("TLS", f"made for development; let browsers trust {authority} (curl: --cacert)")
    else:
        announce("TLS", f"with {pair.certificate}, taken over anew when it changes")
    return pair, context


async def _run_alone(settings: Settings, announce: Announce, tls: Tls | None) -> None:
    """Calls are carried in this process."""
    await _end_leftover_workers(settings, announce)
    with contextlib.closing(listen(settings.host, settings.port)) as listener:
        port = listener.getsockname()[1]
        async with open_gateway(settings, announce) as gateway:
            await _serve(gateway, gateway.app, listener, port, settings, announce, tls)


async def _run_with_workers(settings: Settings, announce: Announce) -> None:
    """Calls are carried by workers, which pass on to this process whatever is for no plugin."""
    from gateway.workers.door import open_door

    async with (
        open_door(settings, announce, listen) as door,
        open_gateway(settings, announce, door.home, door.metrics) as gateway,
    ):
        from gateway.workers.control import Boards
        from gateway.workers.relay import Relayed

        boards = Boards(
            snapshots=gateway.snapshots, outcomes=gateway.outcomes, circuits=gateway.circuits,
            recordings=gateway.supervisor.recordings.board, gatekeeper=gateway.gatekeeper,
        )  # fmt: skip
        await door.follow(settings, boards)
        port = door.public.getsockname()[1]
        try:
            await _serve(gateway, Relayed(gateway.app), door.behind, port, settings, announce, None)
        finally:
            # They finish their calls before the plugins are stopped.
            await door.close(keep=settings.on_exit == "keep")


async def _end_leftover_workers(settings: Settings, announce: Announce) -> None:
    """Those of a control process that was killed hold the port, and would serve its last routes."""
    if not await asyncio.to_thread(Home(settings.home).workers_root.exists):
        return
    from gateway.workers.pool import END_GRACE
    from gateway.workers.records import end_all

    home = await asyncio.to_thread(Home(settings.home).open)
    try:
        if ended := await asyncio.to_thread(end_all, home, END_GRACE):
            announce("workers", f"{ended} of an earlier start ended")
    finally:
        home.close()


async def _serve(
    gateway: Gateway,
    app: ASGIApp,
    listener: socket.socket,
    port: int,
    settings: Settings,
    announce: Announce,
    tls: Tls | None,
) -> None:
    """Until a signal; ``port`` is where callers come, and ``tls`` is for the listener itself."""
    # Imported here, when the plugins have begun to start.
    from gateway.server import Server, uvicorn_config

    scheme = "https" if settings.serves_tls else "http"
    base = settings.public_url.rstrip("/") or f"{scheme}://{_for_url(settings.host)}:{port}"
    # What is there by now stays: out of the collector's sight it holds up no call.
    gc.freeze()
    gc.enable()
    server = Server(uvicorn_config(app, settings, tls[1] if tls else None), gateway.end_streams)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    watching = asyncio.create_task(_narrate(gateway.events, announce))
    announce("console", f"{base}/login?code={gateway.gatekeeper.new_login_code()}  (works once)")
    announce("API", f"{base}/docs, with the token in {settings.home / 'admin.token'}")
    beside = [watching, asyncio.create_task(_first_start(gateway, settings, announce))]
    if tls is not None:
        from gateway.server_tls import follow_files

        beside.append(asyncio.create_task(follow_files(tls[1], tls[0])))
    try:
        await serving
    finally:
        announce("stopping", "running calls finish; press Ctrl-C again to cut them")
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


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


async def _narrate(events: EventBoard, announce: Announce) -> None:
    narrator = Narrator()
    # From the first on: the plugins have begun to start before the gateway was open.
    async for event in events.follow(last_id=0):
        if text := narrator.tell(event):
            announce(event.plugin, text)


class Narrator:
    """Turns events into lines for a terminal, each change told once."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._starting_since: dict[str, float] = {}

    def tell(self, event: Event) -> str:
        """The line for an event; "" where it is none."""
        if event.type == "plugin.state":
            return self._state(event)
        if event.type == "rollout.phase":
            reason = str(event.data.get("reason") or "")
            return f"rollout {event.data.get('phase')}" + (f": {reason}" if reason else "")
        if event.type == "plugin.progress":
            return str(event.data.get("text") or "")
        return ""

    def _state(self, event: Event) -> str:
        plugin, state = event.plugin, str(event.data.get("state"))
        reason = str(event.data.get("reason") or "")
        before = self._states.get(plugin, "")
        self._states[plugin] = state
        if state == PluginState.STARTING.value and before != state:
            self._starting_since[plugin] = event.at
        if state == before and state in _TRANSIENT:
            return ""  # What its start is at, progress tells.
        if state == PluginState.HEALTHY.value:
            since = self._starting_since.pop(plugin, None)
            return state if since is None else f"{state} after {event.at - since:.1f} s"
        return f"{state}: {reason}" if reason else state
