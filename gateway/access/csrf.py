"""What a browser may be tricked into: forged requests and rebound host names."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from functools import cache, lru_cache
from urllib.parse import urlsplit

from gateway.model import Caller
from gateway.settings import Settings

WEBSOCKET = "WEBSOCKET"
"""Stands for the method where a WebSocket is opened."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Headers = Iterable[tuple[bytes, bytes]]


def forbidden_reason(
    method: str, headers: Headers, caller: Caller | None, *, public_url: str = ""
) -> str | None:
    """Why a session must not do this here, in words, or None where it may.

    Only sessions are at risk: a browser adds their cookie by itself, and never a
    token. ``method`` is :data:`WEBSOCKET` for a WebSocket, which no CORS rule guards.
    ``headers`` are ASGI's: lower-case names.
    """
    if caller is None or not caller.session or method in SAFE_METHODS:
        return None
    return foreign_reason(headers, public_url=public_url, need_origin=True)


def foreign_reason(headers: Headers, *, public_url: str = "", need_origin: bool = False) -> str | None:
    """Why the request seems to come from another site's page, or None.

    With ``need_origin`` a request that says nothing of its origin is refused too.
    """
    site = origin = host = b""
    for name, value in headers:
        if name == b"sec-fetch-site":
            site = value
        elif name == b"origin":
            origin = value
        elif name == b"host":
            host = value
    # Other ports of one host are the same site, but not the same origin.
    if site and site != b"same-origin":
        return f"the request comes from another origin (Sec-Fetch-Site: {_shown(site)})"
    if origin:
        if _authority(origin) == host.lower() or (public_url and _same(origin, public_url)):
            return None
        return f"the request comes from another origin ({_shown(origin)})"
    if site or not need_origin:
        return None
    return "a session needs an Origin or Sec-Fetch-Site header; scripts use a token instead"


def host_allowed(host: bytes | None, settings: Settings) -> bool:
    """Whether the ``Host`` header names this gateway.

    A page of another site can have its own name resolve to this machine (DNS
    rebinding); it cannot change the name in the header. Addresses cannot be rebound.
    """
    if not host:
        return False
    return _allowed(host, settings.host, settings.public_url, settings.allowed_hosts)


@lru_cache(maxsize=256)
def _allowed(host: bytes, bound: str, public_url: str, extra: str) -> bool:
    name = _host_name(host)
    if name is None:
        return False
    if name == "localhost" or name.endswith(".localhost") or _is_address(name):
        return True
    named = {bound.lower(), _own_name(), *(part.strip().lower() for part in extra.split(","))}
    if public_url:
        named.add(urlsplit(public_url).hostname or "")
    return name in named - {""}


def _host_name(host: bytes) -> str | None:
    try:
        parts = urlsplit("//" + host.decode("ascii"))
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc or not parts.hostname:
        return None
    return parts.hostname.rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@cache
def _own_name() -> str:
    return socket.gethostname().lower()


def _authority(origin: bytes) -> bytes:
    return origin.partition(b"://")[2].lower()


def _same(origin: bytes, public_url: str) -> bool:
    parts = urlsplit(public_url)
    return origin.decode("latin-1").lower() == f"{parts.scheme}://{parts.netloc}".lower()


def _shown(value: bytes) -> str:
    text = value[:100].decode("ascii", "replace")
    return "".join(char if char.isprintable() else "?" for char in text)
