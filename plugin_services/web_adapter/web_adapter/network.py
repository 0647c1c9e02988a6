"""Connections to the API's host: to judged addresses, or through the gateway's relay where it gave one.

``PLUGWAY_EGRESS`` names the relay's Unix socket; it takes ``CONNECT host:port`` and judges by itself.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterable, Sequence

from httpcore import (
    SOCKET_OPTION,
    AnyIOBackend,
    AsyncNetworkBackend,
    AsyncNetworkStream,
    ConnectError,
    ConnectTimeout,
)

from web_adapter.addresses import Host

RELAY = "PLUGWAY_EGRESS"
_HEAD_LIMIT = 8192
_CONNECT_TIMEOUT = 10.0


class Network(AsyncNetworkBackend):
    """Connects to ``host`` and nothing else, whatever it is asked for."""

    def __init__(self, host: Host, relay: str = "") -> None:
        self._host = host
        self._relay = relay.removeprefix("unix:")
        self._plain = AnyIOBackend()

    @classmethod
    def from_environment(cls, host: Host) -> Network:
        return cls(host, os.environ.get(RELAY, ""))

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Raises ConnectError and ConnectTimeout, and Problem for an address that is refused."""
        if self._relay:
            return await self._through_relay(timeout)
        failure: Exception = ConnectError("no address")
        for address in await self._host.addresses():
            try:
                return await self._plain.connect_tcp(address, self._host.port, timeout)
            except (ConnectError, ConnectTimeout) as error:
                failure = error
        raise failure

    async def _through_relay(self, timeout: float | None) -> AsyncNetworkStream:  # noqa: ASYNC109
        stream = await self._plain.connect_unix_socket(self._relay, timeout)
        await stream.write(self._wish(), timeout)
        head = b""
        while not head.endswith(b"\r\n\r\n") and len(head) < _HEAD_LIMIT:
            # One by one: what follows the head belongs to the connection.
            part = await stream.read(1, timeout)
            if not part:
                break
            head += part
        if not _granted(head):
            await stream.aclose()
            raise ConnectError(_said(head))
        return stream

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def connected(self) -> socket.socket:
        """A connected socket, for a client that wants one; raises OSError, TimeoutError and Problem."""
        async with asyncio.timeout(_CONNECT_TIMEOUT):
            if self._relay:
                return await self._relay_socket()
            return await _first(await self._host.addresses(), self._host.port)

    async def _relay_socket(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        connected = await _connected(socket.AF_UNIX, self._relay)
        head = b""
        try:
            await loop.sock_sendall(connected, self._wish())
            while not head.endswith(b"\r\n\r\n") and len(head) < _HEAD_LIMIT:
                part = await loop.sock_recv(connected, 1)
                if not part:
                    break
                head += part
            if not _granted(head):
                raise ConnectionRefusedError(_said(head))
        except BaseException:
            connected.close()
            raise
        return connected

    def _wish(self) -> bytes:
        name = f"[{self._host.name}]" if ":" in self._host.name else self._host.name
        return f"CONNECT {name}:{self._host.port} HTTP/1.1\r\nHost: {name}:{self._host.port}\r\n\r\n".encode()


async def _first(addresses: Sequence[str], port: int) -> socket.socket:
    failure: OSError = ConnectionRefusedError("no address")
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            return await _connected(family, (address, port))
        except OSError as error:
            failure = error
    raise failure


async def _connected(family: socket.AddressFamily, address: str | tuple[str, int]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(made, address)
    except BaseException:
        made.close()
        raise
    return made


def _granted(head: bytes) -> bool:
    return head.startswith(b"HTTP/1.1 200 ")


def _said(head: bytes) -> str:
    line = head.partition(b"\r\n")[0].decode(errors="replace")
    return f"the relay refused: {line[:200]}"
