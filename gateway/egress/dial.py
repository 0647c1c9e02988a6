"""Connecting to a destination that is granted: resolved once, checked, then that very address."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from gateway.egress.addresses import Address, is_address, own_addresses, refusal
from gateway.egress.destinations import Destination
from gateway.egress.request import Refused

BUFFER = 64 * 2**10
"""Bytes read ahead in each direction before the sender has to wait."""
_RESOLVERS = 4
_OWN_FOR = 10.0
"""Seconds for which the list of this machine's addresses is believed."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def resolved(wanted: Destination) -> list[str]:
    """Every address of the host, in the system's order; raises ``socket.gaierror``. Blocking."""
    found = socket.getaddrinfo(wanted.host, wanted.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Dialer:
    """One for each relay. ``timeout`` in seconds is for resolving and connecting together.

    ``resolve`` gives the addresses of a host, ``own`` those of this machine; both may block.
    """

    def __init__(
        self,
        timeout: float,
        *,
        resolve: Callable[[Destination], list[str]] = resolved,
        own: Callable[[], Collection[Address]] = own_addresses,
    ) -> None:
        self._timeout = timeout
        self._ask = resolve
        self._look = own
        self._own: Collection[Address] = ()
        self._looked_at = -_OWN_FOR
        # The system's resolver blocks, and names whose servers hang must hold up their own instance only.
        self._resolvers = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="egress-resolve")

    async def dial(self, wanted: Destination) -> Streams:
        """Raises :class:`Refused`."""
        try:
            async with asyncio.timeout(self._timeout):
                addresses = await self._resolve(wanted)
                return await self._connect(wanted, addresses)
        except TimeoutError:
            raise Refused(
                HTTPStatus.GATEWAY_TIMEOUT, f"{wanted} did not answer within {self._timeout:g} s."
            ) from None

    async def _resolve(self, wanted: Destination) -> list[str]:
        loop = asyncio.get_running_loop()
        if is_address(wanted.host):
            if reason := refusal(wanted, wanted.host, tuple):
                raise Refused(HTTPStatus.FORBIDDEN, f"{wanted} is not reached: {reason}.")
            return [wanted.host]
        try:
            found = await loop.run_in_executor(self._resolvers, self._ask, wanted)
            own = await loop.run_in_executor(self._resolvers, self._addresses_of_ours)
        except socket.gaierror as error:
            raise Refused(
                HTTPStatus.BAD_GATEWAY, f"The host of {wanted} is unknown: {error.strerror}."
            ) from None
        reasons = {text: refusal(wanted, text, lambda: own) for text in found}
        allowed = [text for text, reason in reasons.items() if not reason]
        if not found:
            raise Refused(HTTPStatus.BAD_GATEWAY, f"The host of {wanted} has no address.")
        if not allowed:
            text, reason = next(iter(reasons.items()))
            raise Refused(HTTPStatus.FORBIDDEN, f"{wanted} leads to {text}: {reason}.")
        return allowed

    def _addresses_of_ours(self) -> Collection[Address]:
        if time.monotonic() - self._looked_at > _OWN_FOR:
            self._own, self._looked_at = self._look(), time.monotonic()
        return self._own

    async def _connect(self, wanted: Destination, addresses: list[str]) -> Streams:
        why = ""
        for left, text in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                # The last one has what is left of the time; those before it leave something over.
                async with asyncio.timeout(None if left == 1 else self._timeout / len(addresses)):
                    return await self._open(text, wanted.port)
            except TimeoutError:
                why = "no answer"
            except OSError as error:
                why = (os.strerror(error.errno) if error.errno else str(error)).lower()
        raise Refused(HTTPStatus.BAD_GATEWAY, f"{wanted} cannot be reached: {why}.")

    async def _open(self, address: str, port: int) -> Streams:
        reader, writer = await asyncio.open_connection(address, port, limit=BUFFER)
        outside = writer.get_extra_info("socket")
        outside.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A destination that vanished without a word is noticed, however long the idle time-out.
        outside.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return reader, writer

    def close(self) -> None:
        self._resolvers.shutdown(wait=False, cancel_futures=True)
