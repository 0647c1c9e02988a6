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
