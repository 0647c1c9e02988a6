"""An ASGI application behind a real server, on a free port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp


class _Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """Signals belong to the test run."""


@asynccontextmanager
async def serving(
    app: ASGIApp, *, access_log: bool = False, tls: tuple[Path, Path] | None = None
) -> AsyncIterator[str]:
    """Yields the base URL; stops in good order, waiting for running answers for at most 5 s.

    ``tls`` is certificate and key; the URL then names ``localhost``.
    """
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    certificate, key = tls or (None, None)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=access_log,
        lifespan="off",
        timeout_graceful_shutdown=5,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    server = _Server(config)
    running = asyncio.create_task(server._serve(sockets=[listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
            assert not running.done()
        port = listener.getsockname()[1]
        yield f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await running
        listener.close()
