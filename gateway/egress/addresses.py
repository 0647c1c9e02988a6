"""Which addresses the relay connects to for a destination that is granted.

A name is granted by the operator, its addresses are whoever answers for it: what lies on this machine
or in the cloud around it is therefore reached only where the operator wrote the address itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import psutil

from gateway.egress.destinations import Destination

Address = IPv4Address | IPv6Address

# Services of the cloud that the machine runs in, which hand out its credentials.
_METADATA = tuple(
    ip_network(text)
    for text in ("169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
                 "fd00:ec2::/32", "fe80::/10", "fd20:ce::254/128")
)  # fmt: skip
# IPv4 in the last 32 bits: mapped, compatible, translated (RFC 6052).
_CARRIES_IPV4 = tuple(
    ip_network(text) for text in ("::ffff:0:0/96", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)


def read_address(text: str) -> Address:
    """The address that a packet to ``text`` ends at; raises ValueError."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and not address.is_loopback and not address.is_unspecified:
        if address.sixtofour is not None:
            return address.sixtofour
        if any(address in network for network in _CARRIES_IPV4):
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def refusal(wanted: Destination, text: str, own: Callable[[], Collection[Address]]) -> str:
    """Why the relay does not connect to this address of ``wanted``; "" where it does."""
    address = read_address(text)
    if any(address in network for network in _METADATA):
        return "it is a link-local or metadata address, which no plugin may reach"
    # Reserved ranges of IPv6 hold ::1 as well; those of IPv4 hold no host.
    reserved = address.version == 4 and address.is_reserved
    if address.is_unspecified or address.is_multicast or reserved:
        return "it is no address of a single host"
    if not _literal(wanted, address):
        if address.is_loopback:
            return "it is the gateway's own machine; where that is meant, write 127.0.0.1 or localhost"
        if address in own():
            return f"it is the gateway's own machine; where that is meant, write {address}"
    return ""


def _literal(wanted: Destination, address: Address) -> bool:
    if wanted.host == "localhost":
        return address.is_loopback
    try:
        return read_address(wanted.host) == address
    except ValueError:
        return False


def own_addresses() -> frozenset[Address]:
    """Those of this machine's network interfaces."""
    found = set()
    for interface in psutil.net_if_addrs().values():
        for entry in interface:
            try:
                found.add(read_address(entry.address))
            except ValueError:
                continue  # A hardware address.
    return frozenset(found)
