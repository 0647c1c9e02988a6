"""The server of a gateway's one socket."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from importlib import import_module

import uvicorn
from starlette.types import ASGIApp

from gateway.proxy.server import uvicorn_options
from gateway.settings import Settings

_HTTP2 = "gateway.proxy.http2.connection"


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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        # What the first client that speaks HTTP/2 would have to wait for, and everybody with it.
        self._importing = asyncio.create_task(asyncio.to_thread(import_module, _HTTP2))

    def _asked_to_end(self, number: int) -> None:
        # Event streams never end by themselves, and the server waits for them.
        self._end_streams()
        self.handle_exit(number, None)


def uvicorn_config(app: ASGIApp, settings: Settings, tls: ssl.SSLContext | None = None) -> uvicorn.Config:
    """``tls`` is served with as it is, so that a new certificate may be loaded into it."""
    factory = None if tls is None else lambda config, default: tls
    return uvicorn.Config(
        app, lifespan="on", log_config=None, ssl_context_factory=factory, **uvicorn_options(settings)
    )
