"""Changes of containers as the engine tells them, from a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from typing import Any

import requests
from docker.errors import DockerException
from docker.types import CancellableStream

from gateway.home import Home
from gateway.runtimes import docker_names as names
from gateway.runtimes.docker_engine import Engine

_BREATH = 1.0
_ENDED: tuple[type[Exception], ...] = (
    DockerException,
    requests.RequestException,
    OSError,
    ValueError,
    # What the SDK raises where a stream is closed while another thread reads it.
    AttributeError,
)


class Events:
    """One stream of events. It ends whenever the engine ends it, which it does without a word."""

    def __init__(self, engine: Engine, home: Home) -> None:
        self._engine = engine
        self._filters: dict[str, Any] = {**names.home_filter(home), "type": "container"}
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._over = False
        self._heard = False
        self._stream: CancellableStream[str] | None = None

    async def changes(self) -> AsyncIterator[None]:
        """Yields once when listening has begun, as there may have been changes before."""
        threading.Thread(target=self._listen, name="docker events", daemon=True).start()
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                if self._over:
                    break
                yield None
            if not self._heard:
                # No engine: a caller who calls again at once must not turn in circles.
                await asyncio.sleep(_BREATH)
        finally:
            await self.close()

    async def close(self) -> None:
        self._over = True
        self._wake.set()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with contextlib.suppress(*_ENDED):
            if self._stream is not None:
                self._stream.close()

    def _listen(self) -> None:
        with contextlib.suppress(*_ENDED), contextlib.closing(self._engine.new_client()) as client:
            stream = client.api.events(filters=self._filters, decode=False)
            self._stream, self._heard = stream, True
            self._tell(False)
            for _ in stream:
                if self._over:
                    return
                self._tell(False)
        self._tell(True)

    def _tell(self, over: bool) -> None:
        def told() -> None:
            self._over = self._over or over
            self._wake.set()

        # The loop may be gone by now, and then nobody listens.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(told)
