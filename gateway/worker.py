"""A worker: a process that carries the calls to plugins, and nothing else.

The control process starts it with ``python -m gateway.worker HOME NAME DESCRIPTOR``, where the
descriptor is the listening socket. Everything else it is told over the stream.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
import uvloop

from gateway.home import Home
from gateway.logs import configure_logging
from gateway.proxy.access_log import AccessLog
from gateway.proxy.app import DataPlane
from gateway.proxy.split import Front
from gateway.proxy.tracing import open_tracing
from gateway.server import Server, uvicorn_config
from gateway.settings import Settings
from gateway.sources.store import ContentStore
from gateway.workers import records
from gateway.workers.acceptor import Acceptor, Loads
from gateway.workers.link import Link
from gateway.workers.messages import PROTOCOL, Hello, Welcome
from gateway.workers.records import Record
from gateway.workers.relay import Relay
from gateway.workers.sockets import control_socket, front_socket

if TYPE_CHECKING:
    import ssl

    from gateway.server_tls import TlsPair

log = logging.getLogger("gateway.worker")

FIRST_WORD = 15.0
"""Seconds without a control process after which a worker that never served gives up."""

_LOOK = 0.5


async def run(home: Home, record: Record, listener: socket.socket) -> None:
    """Serve until SIGTERM, or until the control process has been away for too long."""
    serving: list[Server] = []
    link = Link(str(control_socket(home)), listener, partial(_hello, record, serving))
    following = asyncio.create_task(link.run())
    this = asyncio.current_task()
    assert this is not None
    # Before there is a server, which then takes the signal over.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    try:
        async with asyncio.timeout(FIRST_WORD):
            welcome = await link.known()
        await _serve(home, record.name, link, welcome, listener, serving)
        await link.close()
    except TimeoutError:
        log.warning("No control process was there within %g s.", FIRST_WORD)
    except asyncio.CancelledError:
        log.info("Ended before it served.")
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def _hello(record: Record, serving: list[Server], welcome: Welcome | None) -> Hello:
    return Hello(
        protocol=PROTOCOL,
        name=record.name,
        pid=record.pid,
        started_at=record.started_at,
        configuration=welcome.configuration if welcome else "",
        serving=bool(serving) and serving[0].started,
    )


class SharingServer(Server):
    """Takes its connections from a socket that it shares with other processes."""

    def __init__(
        self, config: uvicorn.Config, end_streams: Callable[[], None], listener: socket.socket, loads: Loads
    ) -> None:
        super().__init__(config, end_streams)
        self._listener = listener
        self._loads = loads
        self._acceptor: Acceptor | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        connections = self.server_state.connections
        self._acceptor = Acceptor(
            self._listener, self._protocol, self.config.ssl, connections.__len__, self._loads
        )
        await self._acceptor.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._acceptor is not None:
            self._acceptor.stop()
        await super().shutdown(sockets=sockets)

    def _protocol(self) -> asyncio.Protocol:
        made: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return made(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


async def _serve(
    home: Home, name: str, link: Link, welcome: Welcome, listener: socket.socket, serving: list[Server]
) -> None:
    settings = Settings.model_validate(welcome.settings)
    configure_logging(settings.log, name)
    data_plane = DataPlane(
        snapshots=link.snapshots,
        outcomes=link.outcomes,
        gatekeeper=link.callers,
        content=ContentStore(home.path / "store"),
        settings=settings,
        asset_key=link.asset_key,
        circuits=link.circuits,
        processes=settings.workers,
        log=AccessLog.of(settings, link.pass_lines()),
        tracing=await asyncio.to_thread(open_tracing, settings),
        recordings=link.recordings,
    )
    link.count(data_plane.metrics, data_plane.limit_metrics)
    relay = Relay(str(front_socket(home)), lambda: link.away)
    pair, context = await asyncio.to_thread(_tls, settings) if settings.serves_tls else (None, None)
    config = uvicorn_config(Front(data_plane, relay), settings, context)
    loads = await asyncio.to_thread(Loads, home.workers_root, name)
    server = SharingServer(config, relay.end_streams, listener, loads)
    serving.append(server)
    gc.freeze()
    beside = [asyncio.create_task(_watch(home, link, server, relay, settings))]
    if pair is not None and context is not None:
        from gateway.server_tls import follow_files

        beside.append(asyncio.create_task(follow_files(context, pair)))
    try:
        await server.serve(sockets=[])
    finally:
        for task in beside:
            task.cancel()
        await asyncio.to_thread(loads.close)
        await data_plane.close()


def _tls(settings: Settings) -> tuple[TlsPair, ssl.SSLContext]:
    from gateway.server_tls import find_pair, make_context

    pair = find_pair(settings)
    assert pair is not None
    return pair, make_context(pair)


async def _watch(home: Home, link: Link, server: Server, relay: Relay, settings: Settings) -> None:
    """Say when calls are taken; end where nobody is left to be told by what holds."""
    while not server.started:  # noqa: ASYNC110  the server announces it to nobody
        await asyncio.sleep(0.01)
    link.serves()
    told = False
    while True:
        await asyncio.sleep(_LOOK)
        if link.away and not told:
            log.warning("The control process is away. Calls go on with what is known.")
        told = link.away
        alone = link.away and settings.on_exit != "keep" and link.away_for > settings.worker_alone
        if alone or not await asyncio.to_thread(home.path.exists):
            log.warning("The control process has been away for %.0f s; this worker ends.", link.away_for)
            relay.end_streams()
            server.should_exit = True
            return


def main(home: str, name: str, descriptor: str) -> None:
    configure_logging(worker=name)
    # Ctrl-C is for the control process, which then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    place = Home(Path(home))
    record = Record.of_this_process(name)
    records.write(place, record)
    with socket.socket(fileno=int(descriptor)) as listener:
        os.set_inheritable(listener.fileno(), False)
        listener.setblocking(False)
        uvloop.run(run(place, record, listener))
    records.remove(place, name)


if __name__ == "__main__":
    main(*sys.argv[1:])
