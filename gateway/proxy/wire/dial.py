"""Opening connections to endpoints: Unix sockets, TCP, mutual TLS."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from typing import TypeVar

from gateway.contract.sockets import hold, path_of
from gateway.model import Endpoint, TlsFiles
from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.wire.connection import Connection

P = TypeVar("P", bound=asyncio.BaseProtocol)

HANDLE = b"/plugway.plugin.v1.PluginService/Handle"
CONNECT_SECONDS = 3.0
"""Time to connect, TLS included."""


async def dial(endpoint: Endpoint, path: bytes = HANDLE) -> Connection:
    """A connection for calls of one method; raises :class:`CallFailed`, as refused."""
    plugin = endpoint.plugin.encode()
    return await connect(
        endpoint,
        lambda authority, scheme, pings: Connection(path, authority, scheme, pings=pings, plugin=plugin),
    )


async def connect(endpoint: Endpoint, make: Callable[[bytes, bytes, bool], P]) -> P:
    """Connect what ``make`` returns for an authority, a scheme, and whether it has to ping the peer.

    Raises :class:`CallFailed`, as refused.
    """
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await _connect(endpoint, make)
    except TimeoutError:
        words = f"cannot be reached within {CONNECT_SECONDS:g} seconds"
        raise CallFailed(Failure.REFUSED, words, away=True) from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise CallFailed(Failure.REFUSED, f"cannot be reached ({why})", away=True) from None


async def _connect(endpoint: Endpoint, make: Callable[[bytes, bytes, bool], P]) -> P:
    address = endpoint.address
    if address.startswith("unix:"):
        file = "/" + address.removeprefix("unix:").lstrip("/") if "/" in address[5:6] else address[5:]
        if endpoint.mounted:
            return await _connect_mounted(file, make)
        return await _connect_socket(file, make)
    host, _, port = address.rpartition(":")
    tls = endpoint.tls
    authority = (tls.server_name if tls is not None and tls.server_name else address).encode()
    scheme = b"https" if tls is not None else b"http"
    context = await asyncio.to_thread(_context, tls) if tls is not None else None
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: make(authority, scheme, True),
        host.strip("[]"),
        int(port),
        ssl=context,
        server_hostname=(tls.server_name or host) if tls is not None else None,
    )
    return connection


async def _connect_socket(file: str, make: Callable[[bytes, bytes, bool], P]) -> P:
    _, connection = await asyncio.get_running_loop().create_unix_connection(
        lambda: make(b"localhost", b"http", False), file
    )
    return connection


async def _connect_mounted(file: str, make: Callable[[bytes, bytes, bool], P]) -> P:
    held = hold(file)
    try:
        return await _connect_socket(path_of(held), make)
    finally:
        if held is not None:
            os.close(held)


def _context(tls: TlsFiles) -> ssl.SSLContext:
    """Mutual TLS; without a CA file the system's roots count. Blocks on files."""
    context = ssl.create_default_context(cafile=tls.ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.ca:
        # The file may hold the server's very certificate, whoever signed it.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["h2"])
    if tls.certificate:
        context.load_cert_chain(tls.certificate, tls.key)
    return context
