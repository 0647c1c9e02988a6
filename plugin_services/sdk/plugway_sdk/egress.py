"""Connections to what the plugin was granted, by the gateway's relay where there is one.

In a container the plugin has no network of its own: PLUGWAY_EGRESS names the relay's socket,
which takes HTTP CONNECT. Without it, as on an author's machine, connections are direct.
TLS is between the plugin and the destination; the relay sees names and bytes only.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from pathlib import Path

from plugway_sdk.egress_head import Answer, EgressRefused, connect_request

__all__ = ["EgressRefused", "connect", "forward", "open_connection", "relay"]

CONNECT_TIMEOUT = 15.0
"""Seconds; the relay itself gives up a destination after 10."""
_PAUSE = 0.1
_RELAY_AWAY = 2.0
"""Seconds to wait for a relay that is not there: a gateway that starts anew makes it anew."""


def relay() -> Path | None:
    """The relay's socket; None where connections are direct."""
    given = os.environ.get("PLUGWAY_EGRESS", "")
    return Path(given.removeprefix("unix:")) if given.startswith("unix:/") else None


async def open_connection(
    host: str,
    port: int,
    *,
    ssl: ssl.SSLContext | None = None,
    timeout: float = CONNECT_TIMEOUT,  # noqa: ASYNC109 - as in the standard library's connections
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """As ``asyncio.open_connection``; with ``ssl``, the certificate has to be ``host``'s.

    Raises :class:`EgressRefused`, TimeoutError and other OSErrors, with the relay's words.
    """
    async with asyncio.timeout(timeout):
        place = relay()
        if place is None:
            return await asyncio.open_connection(host, port, ssl=ssl)
        tunnel = await _tunnel(place, host, port)
        name = host if ssl is not None else None
        try:
            return await asyncio.open_unix_connection(sock=tunnel, ssl=ssl, server_hostname=name)
        except BaseException:
            tunnel.close()
            raise


async def _tunnel(place: Path, host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    until = loop.time() + _RELAY_AWAY
    while True:
        tunnel = socket.socket(socket.AF_UNIX)
        tunnel.setblocking(False)
        try:
            await loop.sock_connect(tunnel, str(place))
            await loop.sock_sendall(tunnel, connect_request(host, port))
            answer = Answer()
            while wanted := answer.wanted:
                answer.feed(await loop.sock_recv(tunnel, wanted))
            return tunnel
        except (FileNotFoundError, ConnectionRefusedError) as error:
            tunnel.close()
            if loop.time() > until:
                raise _away() from error
        except BaseException:
            tunnel.close()
            raise
        await asyncio.sleep(_PAUSE)


def connect(host: str, port: int, timeout: float = CONNECT_TIMEOUT) -> socket.socket:
    """A connected socket for blocking code, with this time-out; wrap it in TLS with ``host`` as the name.

    Raises as :func:`open_connection`.
    """
    place = relay()
    if place is None:
        return socket.create_connection((host, port), timeout)
    tunnel = socket.socket(socket.AF_UNIX)
    try:
        tunnel.settimeout(timeout)
        try:
            tunnel.connect(str(place))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise _away() from error
        tunnel.sendall(connect_request(host, port))
        answer = Answer()
        while wanted := answer.wanted:
            answer.feed(tunnel.recv(wanted))
        return tunnel
    except BaseException:
        tunnel.close()
        raise


def forward(host: str, port: int) -> tuple[str, int]:
    """A loopback address that leads to ``host:port``, for libraries that only know TCP.

    The same each time it is asked for. Where connections are direct it is the destination
    itself. With TLS, tell the library to check the certificate for ``host``.
    """
    if relay() is None:
        return host, port
    # Only for those who need it: a thread of its own.
    from plugway_sdk.egress_forward import forwarders

    return forwarders().to(host, port)


def _away() -> ConnectionError:
    return ConnectionError("the gateway's relay does not answer; is the gateway running?")
