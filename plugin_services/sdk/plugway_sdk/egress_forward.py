"""Loopback addresses in the plugin's container that lead to the relay, for libraries that know TCP only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from functools import cache
from typing import Any

from plugway_sdk import egress

_LOOPBACK = "127.0.0.1"
_CHUNK = 64 * 2**10

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Open = Callable[[], Awaitable[Streams]]


class Forwarders:
    """In a thread of its own: a library that blocks the plugin's loop still gets its bytes."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._there: dict[tuple[str, int], tuple[str, int]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._loop.run_forever, name="plugway-egress", daemon=True).start()

    def to(self, host: str, port: int) -> tuple[str, int]:
        """Leads to ``host:port``."""

        async def out() -> Streams:
            return await egress.open_connection(host, port)

        return self._listen((host, port), out)

    def proxy(self) -> tuple[str, int]:
        """Leads to the relay itself, for those who speak CONNECT."""

        async def out() -> Streams:
            return await asyncio.open_unix_connection(egress.relay())

        return self._listen(("", 0), out)

    def _listen(self, key: tuple[str, int], out: Open) -> tuple[str, int]:
        with self._lock:
            if key not in self._there:
                listening: Future[tuple[str, int]] = asyncio.run_coroutine_threadsafe(_serve(out), self._loop)
                self._there[key] = listening.result()
            return self._there[key]


async def _serve(out: Open) -> tuple[str, int]:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            outside = await out()
        except OSError:
            # TCP has no words for why; the relay's are in the gateway's status of this instance.
            writer.transport.abort()
            return
        await _join((reader, writer), outside)

    server = await asyncio.start_server(meet, _LOOPBACK, 0, limit=_CHUNK)
    address: tuple[str, int] = server.sockets[0].getsockname()
    return address


async def _join(one: Streams, other: Streams) -> None:
    ways = [
        asyncio.create_task(_carry(one[0], other[1])),
        asyncio.create_task(_carry(other[0], one[1])),
    ]
    try:
        await asyncio.gather(*ways)
        for _, writer in (one, other):
            writer.close()
            await writer.wait_closed()
    except OSError:
        pass
    finally:
        for way in ways:
            way.cancel()
        for _, writer in (one, other):
            writer.transport.abort()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


@cache
def forwarders() -> Forwarders:
    return Forwarders()


def set_proxy(environment: Any = os.environ) -> None:
    """Have HTTP libraries reach https:// by the relay, where there is one and nothing else was chosen."""
    if egress.relay() is None or any(name in environment for name in ("HTTPS_PROXY", "https_proxy")):
        return
    host, port = forwarders().proxy()
    environment["HTTPS_PROXY"] = environment["https_proxy"] = f"http://{host}:{port}"
