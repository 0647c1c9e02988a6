"""From what a release was permitted and the settings in force to the destinations it may reach. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.egress.destinations import BadDestination, Destination, destination, read_destination

_POINTER = "settings:"
EVERY = "*"
"""A part of a pointer that stands for each member of an object or a list."""
_MOST = 256
"""Destinations of one plugin; a list in its settings could hold any number."""

_PORTS = {
    "amqp": 5672, "amqps": 5671, "clickhouse": 9000, "ftp": 21, "http": 80, "https": 443, "imap": 143,
    "imaps": 993, "ldap": 389, "ldaps": 636, "mariadb": 3306, "mongodb": 27017, "mqtt": 1883,
    "mqtts": 8883, "mssql": 1433, "mysql": 3306, "nats": 4222, "postgres": 5432, "postgresql": 5432,
    "redis": 6379, "rediss": 6379, "smtp": 25, "smtps": 465, "ssh": 22, "valkey": 6379,
    "valkeys": 6379, "ws": 80, "wss": 443,
}  # fmt: skip
"""Ports of URLs that name none, by scheme; of ``scheme+driver``, the part before the plus counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """``problems`` tells for each permission that names nothing why, without the setting's value."""

    destinations: frozenset[Destination] = frozenset()
    problems: tuple[str, ...] = ()

    def __or__(self, other: Grants) -> Grants:
        return Grants(destinations=self.destinations | other.destinations, problems=self.problems)


def of_settings(egress: Iterable[str]) -> tuple[str, ...]:
    """Those of the permissions that settings decide on."""
    return tuple(permission for permission in egress if permission.startswith(_POINTER))


def granted(egress: Sequence[str], values: Mapping[str, Any], secrets: Mapping[str, str]) -> Grants:
    """What ``permissions.egress`` comes to under these settings; ``secrets`` by JSON Pointer.

    A setting may hold ``host:port``, a URL, a list of either, an object with ``host`` and
    ``port``, or a host beside a setting for its port (``dbHost`` and ``dbPort``). An empty
    one grants nothing. ``settings:/connections/*/url`` names the ``url`` of each member.
    """
    found: set[Destination] = set()
    problems: list[str] = []
    for permission in egress:
        try:
            if permission.startswith(_POINTER):
                found.update(_named(permission.removeprefix(_POINTER), values, secrets))
            else:
                found.add(read_destination(permission))
        except BadDestination as error:
            problems.append(f"{permission}: {error}")
    if len(found) > _MOST:
        return Grants(problems=(*problems, f"more than {_MOST} destinations"))
    return Grants(destinations=frozenset(found), problems=tuple(problems))


def _named(pointer: str, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterator[Destination]:
    if pointer in secrets:
        yield from _read(secrets[pointer], None)
        return
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    yield from _below(values, parts)


def _below(here: Any, parts: Sequence[str]) -> Iterator[Destination]:
    name, *rest = parts
    for each in _names(here) if name == EVERY else (name,):
        member = _member(here, each)
        yield from _below(member, rest) if rest else _read(member, _sibling_port(here, each))


def _names(value: Any) -> Iterable[str]:
    if isinstance(value, Mapping):
        return list(value)
    return [str(index) for index in range(len(value))] if isinstance(value, list) else ()


def _member(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name)
    if isinstance(value, list) and name.isascii() and name.isdigit() and int(name) < len(value):
        return value[int(name)]
    return None


def _sibling_port(parent: Any, name: str) -> Any:
    """The setting that lies beside ``…host`` and is named ``…port`` instead."""
    if not isinstance(parent, Mapping):
        return None
    for ending, port in (("hostname", "port"), ("host", "port"), ("Host", "Port"), ("HOST", "PORT")):
        if name.endswith(ending):
            return parent.get(name.removesuffix(ending) + port)
    return None


def _read(value: Any, port: Any) -> Iterator[Destination]:
    if value is None or value == "":
        return
    if isinstance(value, list):
        for part in value:
            yield from _read(part, port)
    elif isinstance(value, Mapping):
        yield from _read(value.get("host"), value.get("port"))
    elif not isinstance(value, str):
        raise BadDestination("the setting is neither a text nor a list")
    elif "://" in value:
        yield from _in_url(value.strip(), port)
    else:
        for part in value.split(","):
            yield _one(part.strip(), port)


def _in_url(url: str, port: Any) -> Iterator[Destination]:
    scheme, _, rest = url.partition("://")
    # By hand, as the URLs of some databases name several hosts, which urlsplit refuses.
    authority = rest
    for end in "/?#":
        authority = authority.partition(end)[0]
    if "\\" in authority or any(char.isspace() for char in authority):
        raise BadDestination("the setting is no URL")
    hosts = authority.rpartition("@")[2]
    default = _PORTS.get(scheme.lower().partition("+")[0])
    for host in hosts.split(","):
        yield _one(host, default if port is None else port)


def _one(text: str, port: Any) -> Destination:
    bare = text.startswith("[") and text.endswith("]")
    if bare or ":" not in text:
        if port is None:
            raise BadDestination("the setting names no port")
        if not isinstance(port, int | str):
            raise BadDestination("the port is no number")
        return destination(text, port)
    return read_destination(text)
