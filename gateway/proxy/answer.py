"""The head of a plugin's answer, made fit for this host. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from plugway.plugin.v1.http_pb2 import HttpHeader, HttpResponse

from gateway.proxy import headers as rules
from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.headers import BAD_VALUE, Pairs, answer_kind

# A browser that opens an answer as a page must not run it as a page of this host.
_OWN: Pairs = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_kinds = rules._answer_kinds
# What decides how a message is framed, kept or read must stand before it (RFC 9110, 6.5.1).
_NOT_TRAILING = frozenset(
    {
        b"content-length", b"content-type", b"content-encoding", b"content-range", b"cache-control",
        b"expires", b"age", b"vary", b"location", b"retry-after", b"www-authenticate", b"host",
        b"authorization", b"max-forwards", b"pragma", b"range",
    }
)  # fmt: skip
MAX_TRAILERS = 64 * 1024
"""Longest trailers that a plugin may send, names and values together, in bytes."""
BODILESS = frozenset({204, 205, 304})


def _bad(words: str) -> CallFailed:
    return CallFailed(Failure.GARBAGE, words)


def open_head(response: HttpResponse, request_id: str) -> tuple[Pairs, int | None]:
    """Headers for the client, and the length that the plugin declared.

    Raises :class:`CallFailed` for a status or a header that HTTP does not allow.
    """
    if not 200 <= response.status <= 599:
        raise _bad(f"answered with the invalid status {response.status}")
    return clean_headers(response.headers, [*_OWN, (b"x-request-id", request_id.encode())])


def clean_headers(headers: Iterable[HttpHeader], into: Pairs) -> tuple[Pairs, int | None]:
    """Append what may pass to ``into``; also returns the declared length."""
    declared: int | None = None
    for header in headers:
        name, value = header.name, header.value
        found = _kinds.get(name) or answer_kind(name)
        kind = found[0]
        if kind == rules.DROP:
            continue
        if kind == rules.BAD or BAD_VALUE.search(value):
            raise _bad("answered with a header that HTTP does not allow")
        if kind == rules.PASS:
            into.append((found[1], value))
        else:
            declared = _length(value, declared)
    return into, declared


def announced(headers: Iterable[HttpHeader]) -> Pairs:
    """The plugin's ``Trailer``, naming the fields that follow the body, without those that may not."""
    values = [header.value for header in headers if header.name.lower() == b"trailer"]
    names = [name.strip().lower() for value in values for name in value.split(b",")]
    kept = [name for name in names if answer_kind(name)[0] == rules.PASS and name not in _NOT_TRAILING]
    return [(b"trailer", b", ".join(kept))] if kept else []


def clean_trailers(headers: Iterable[HttpHeader]) -> Pairs:
    """Trailing fields for the client. What may not stand behind a body, or may not pass at all, is left out.

    Raises :class:`CallFailed` for what HTTP does not allow, and for more than :data:`MAX_TRAILERS`.
    """
    fields, _ = clean_headers(headers, [])
    fields = [pair for pair in fields if pair[0] not in _NOT_TRAILING]
    if sum(len(name) + len(value) for name, value in fields) > MAX_TRAILERS:
        raise _bad(f"sent trailers of more than {MAX_TRAILERS} bytes")
    return fields


def _length(value: bytes, before: int | None) -> int:
    if not value.isdigit() or len(value) > 18 or (before is not None and before != int(value)):
        raise _bad("answered with an invalid content-length")
    return int(value)


def complete_head(response: HttpResponse, request_id: str, method: str, size: int) -> Pairs:
    """Headers of an answer whose body of ``size`` bytes is at hand."""
    headers, declared = open_head(response, request_id)
    if method == "HEAD" or response.status == 304:
        size = size if declared is None else declared
    elif declared is not None and declared != size:
        raise _bad(f"declared {declared} bytes and sent {size}")
    if response.status not in BODILESS or (response.status == 304 and declared is not None):
        headers.append((b"content-length", b"%d" % size))
    return headers
