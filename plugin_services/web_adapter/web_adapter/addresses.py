"""Which addresses the API's host may have: judged at every look-up, as a name can change its mind."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from web_adapter.problems import Problem

# Routable on paper, but answered by the cloud's own host, or nothing that a name may lead to.
_NOT_PUBLIC = tuple(
    ip_network(text)
    for text in (
        *("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24"),
        *("64:ff9b:1::/48", "fec0::/10", "2001::/23", "5f00::/16"),
    )
)
_CARRIES_IPV4 = tuple(
    ip_network(text) for text in ("::ffff:0:0/96", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
# Seconds for which an answer of the resolver is used.
_KEPT = 30.0


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Not of this machine, this network or this cloud; also where IPv6 only carries such an address."""
    if isinstance(address, IPv6Address):
        if address.sixtofour is not None:
            return is_public(address.sixtofour)
        if any(address in network for network in _CARRIES_IPV4):
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    if any(address in network for network in _NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast


class Host:
    """One host and port; ``private`` lets it have any address."""

    def __init__(self, name: str, port: int, *, private: bool) -> None:
        self.name = name
        self.port = port
        self._private = private
        self._known: Sequence[str] = ()
        self._until = 0.0

    async def addresses(self) -> Sequence[str]:
        """Judged addresses; raises :class:`Problem` where there are none, or one may not be called."""
        if self._known and time.monotonic() < self._until:
            return self._known
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                self.name, self.port, type=socket.SOCK_STREAM
            )
        except OSError:
            raise away(self.name) from None
        addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
        for text in addresses:
            if not self._private and not is_public(ip_address(text.partition("%")[0])):
                raise Problem(
                    502, "address-refused", "The API's address is refused",
                    f"{self.name} now leads to {text}, which is no address of the internet.",
                )  # fmt: skip
        self._known, self._until = addresses, time.monotonic() + _KEPT
        return addresses


def away(host: str) -> Problem:
    return Problem(503, "api-away", "The API is away", f"{host} cannot be reached now.")
