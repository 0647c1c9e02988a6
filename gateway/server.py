"""The server of a gateway's one socket."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from gateway.proxy.server import uvicorn_options
from gateway.settings import Settings


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
