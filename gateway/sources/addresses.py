"""Which hosts the gateway may fetch from. Pure: from addresses and the operator's list to a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from gateway.errors import BadInput

Address = IPv4Address | IPv6Address

# Routable on paper, but answered by the cloud's own host: Azure's wire server, Oracle's metadata.
_NOT_PUBLIC = tuple(ip_network(text) for text in ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24"))
# IPv4 in the last 32 bits: mapped, compatible, translated (RFC 6052). The local form of RFC 8215 is refused.
_CARRIES_IPV4 = tuple(
    ip_network(text) for text in ("::ffff:0:0/96", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
_NOT_PUBLIC_6 = tuple(ip_network(text) for text in ("64:ff9b:1::/48", "fec0::/10", "2001::/23", "5f00::/16"))


class BadAllowList(BadInput):
    """``fetch_allow`` holds something that is neither a host nor a range of addresses."""

    key, title = "bad-fetch-allow", "PLUGWAY_FETCH_ALLOW does not hold"


def is_public(address: Address) -> bool:
    """Whether it is an address of the internet: not of this machine, this network or this cloud."""
    if isinstance(address, IPv6Address):
        if (carried := _carried(address)) is not None:
            return is_public(carried)
        if any(address in network for network in _NOT_PUBLIC_6):
            return False
    elif any(address in network for network in _NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast


def _carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to."""
    if address.sixtofour is not None:
        return address.sixtofour
    if any(address in network for network in _CARRIES_IPV4):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


@dataclass(frozen=True, slots=True)
class AllowList:
    """What the operator lists beyond public hosts; plain HTTP is for these alone.

    ``hosts`` are names, in lower case; ``networks`` are ranges of addresses.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def host(self, name: str) -> bool:
        return name.lower().rstrip(".") in self.hosts

    def address(self, text: str) -> bool:
        address = _read(text)
        return any(address in network for network in self.networks)


def read_allow_list(text: str) -> AllowList:
    """Hosts and CIDR ranges, by comma; raises :class:`BadAllowList`."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return AllowList(
        hosts=frozenset(part.lower().rstrip(".") for part in parts if not _is_range(part)),
        networks=tuple(_range(part) for part in parts if _is_range(part)),
    )


def _range(part: str) -> IPv4Network | IPv6Network:
    return ip_network(part.replace("[", "").replace("]", ""), strict=False)


def _is_range(part: str) -> bool:
    try:
        _range(part)
    except ValueError:
        if any(char in part for char in "/:@?#[] "):
            raise BadAllowList(
                f"{part!r} is neither a host nor a range of addresses.",
                hint="Write names and CIDR ranges by comma, e.g. packages.example,10.1.0.0/16.",
            ) from None
        return False
    return True


def refused(addresses: Iterable[str], host: str, allowed: AllowList) -> str:
    """The first of a host's addresses that may not be called, or ""."""
    if allowed.host(host):
        return ""
    for text in addresses:
        if not is_public(_read(text)) and not allowed.address(text):
            return text
    return ""


def _read(text: str) -> Address:
    return ip_address(text.partition("%")[0])
