"""Where a plugin may connect to: a host and a port, in one strict form. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# What the C library's parser would take for an address in one of its other forms (127.1, 0x7f000001).
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NAME_LENGTH = 253


class BadDestination(ValueError):
    """The text is no ``host:port``; the message says what is wrong and never repeats the text."""


@dataclass(frozen=True, slots=True, order=True)
class Destination:
    """``host`` is a name in lower case (punycode), or an address in its shortest form."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def destination(host: str, port: int | str) -> Destination:
    """Raises :class:`BadDestination`."""
    return Destination(normal_host(host), _port(port))


def read_destination(text: str) -> Destination:
    """``host:port`` or ``[IPv6]:port``; raises :class:`BadDestination`."""
    host, colon, port = text.rpartition(":")
    if not colon:
        raise BadDestination("a port is missing, as in host:port")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise BadDestination("an IPv6 address belongs into brackets, as in [::1]:80")
    return destination(host, port)


def normal_host(text: str) -> str:
    """The one form of a host; raises :class:`BadDestination`."""
    if text.startswith("[") and text.endswith("]"):
        return _ipv6(text[1:-1])
    if ":" in text:
        return _ipv6(text)
    name = text.lower().removesuffix(".")
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            raise BadDestination("the host is no name") from None
    labels = name.split(".")
    if len(name) > _NAME_LENGTH or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadDestination("the host is neither a name nor an address")
    if not _NUMBER.fullmatch(labels[-1]):
        return name
    try:
        return str(IPv4Address(name))
    except AddressValueError:
        raise BadDestination("the host is an address in a form that is not understood") from None


def _ipv6(text: str) -> str:
    if "%" in text:
        raise BadDestination("an address with a zone is not understood")
    try:
        address = IPv6Address(text)
    except AddressValueError:
        raise BadDestination("the host is no IPv6 address") from None
    # Written for an IPv4 address, it is that address: one destination has one form.
    return str(address.ipv4_mapped or address)


def _port(port: int | str) -> int:
    if isinstance(port, str):
        if not (port.isascii() and port.isdigit() and len(port) <= 5):
            raise BadDestination("the port is no number")
        port = int(port)
    if isinstance(port, bool) or not 1 <= port <= 65_535:
        raise BadDestination("the port is not between 1 and 65535")
    return port
