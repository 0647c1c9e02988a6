"""The head of an HTTP/2 request as an ASGI scope. Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from gateway.proxy.headers import Pairs
from gateway.proxy.trailers import EXTENSION, wants_trailers

_OVERHEAD = 32
"""Bytes that RFC 9113 (6.5.2) counts for a field beside its name and value."""


class BadHead(Exception):
    """Not to be passed on; ``status`` answers it."""

    def __init__(self, status: int) -> None:
        super().__init__(f"answered {status}")
        self.status = status


def http_scope(fields: Pairs, ended: bool, most: int) -> dict[str, Any]:
    """What the head says; the connection adds who and where. ``ended`` says that no body follows.

    Raises :class:`BadHead` where fields have more than ``most`` bytes, or where the
    target is none that HTTP/1.1 could carry: a plugin shall not see what it never saw before.
    """
    if sum(len(name) + len(value) + _OVERHEAD for name, value in fields) > most:
        raise BadHead(431)
    pseudo = {name: value for name, value in fields if name[:1] == b":"}
    headers = [pair for pair in fields if pair[0][:1] != b":" and pair[0] != b"host"]
    host = pseudo.get(b":authority")
    if host is None:
        host = next((value for name, value in fields if name == b"host"), b"")
    headers.insert(0, (b"host", host))
    target = pseudo.get(b":path", b"")
    method = pseudo.get(b":method", b"").decode("ascii", "replace")
    if method == "CONNECT":
        raise BadHead(405)
    if not method.isalpha() or not _is_origin_form(target):
        raise BadHead(400)
    raw_path, _, query = target.partition(b"?")
    lengths = {value for name, value in headers if name == b"content-length"}
    if len(lengths) > 1 or not all(_is_length(value, ended) for value in lengths):
        raise BadHead(400)
    if not ended and not lengths:
        # HTTP/2 frames a body of unknown length by itself; those who look for one find this.
        headers.append((b"transfer-encoding", b"chunked"))
    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "2",
        "method": method,
        "path": unquote(raw_path.decode("ascii")),
        "raw_path": raw_path,
        "query_string": query,
        "headers": headers,
    }
    if wants_trailers(headers):
        scope["extensions"] = {EXTENSION: {}}
    return scope


def _is_length(value: bytes, ended: bool) -> bool:
    """Digits alone, as h2 takes whatever Python reads as a number; and none where nothing follows."""
    return value.isdigit() and len(value) <= 18 and not (ended and int(value))


def _is_origin_form(target: bytes) -> bool:
    return target[:1] == b"/" and all(0x20 < byte < 0x7F for byte in target) and b"#" not in target
