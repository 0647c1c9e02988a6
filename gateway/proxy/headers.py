"""Which headers pass, in both directions. Pure; names are judged once and remembered."""

from __future__ import annotations

import re
from collections.abc import Iterable

Pairs = list[tuple[bytes, bytes]]

PASS, DROP, AUTHORIZATION, COOKIE, CONNECTION, LENGTH, ENCODED, REQUEST_ID, TRACE, HOST, RELEASE = range(11)
ACCEPT_ENCODING, IF_MATCH = 11, 12

_HOP = {
    b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection",
    b"te", b"trailer", b"trailers", b"upgrade", b"http2-settings", b"expect",
}  # fmt: skip
# Set by the gateway alone, in CallContext; taken from no client.
_FORGEABLE = (b"x-plugway-", b"x-forwarded-", b"x-envoy-", b"x-original-", b"x-rewrite-")
_FORGEABLE_NAMES = {b"forwarded", b"x-real-ip", b"x-client-ip", b"true-client-ip", b"via", b"x-forwarded"}
_SPECIAL = {
    b"authorization": AUTHORIZATION,
    b"cookie": COOKIE,
    b"connection": CONNECTION,
    b"content-length": LENGTH,
    b"transfer-encoding": ENCODED,
    b"x-request-id": REQUEST_ID,
    b"traceparent": TRACE,
    b"host": HOST,
    b"x-plugway-release": RELEASE,
    b"accept-encoding": ACCEPT_ENCODING,
    b"if-match": IF_MATCH,
}
# What a plugin may not say for the whole host, and what only this hop may say.
_ANSWER_DROP = _HOP | {
    b"connection", b"transfer-encoding", b"set-cookie", b"set-cookie2", b"content-security-policy",
    b"content-security-policy-report-only", b"strict-transport-security", b"public-key-pins",
    b"clear-site-data", b"service-worker-allowed", b"x-content-type-options", b"x-request-id",
    b"alt-svc", b"nel", b"report-to", b"reporting-endpoints", b"origin-agent-cluster",
    b"date", b"server",
    b"cross-origin-resource-policy", b"permissions-policy", b"refresh", b"speculation-rules",
}  # fmt: skip
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_REMEMBERED = 4096

_request_kinds: dict[bytes, int] = {}
_answer_kinds: dict[bytes, tuple[int, bytes]] = {}
BAD = -1


def request_kind(name: bytes) -> int:
    """What becomes of a request header of this name (lower case)."""
    kind = _request_kinds.get(name)
    if kind is None:
        kind = _judge_request(name)
        if len(_request_kinds) < _REMEMBERED:
            _request_kinds[name] = kind
    return kind


def _judge_request(name: bytes) -> int:
    if (special := _SPECIAL.get(name)) is not None:
        return special
    # CGI-like back ends read "_" as "-": both spellings are the same forgery.
    plain = name.replace(b"_", b"-")
    if plain in _HOP or plain in _FORGEABLE_NAMES or plain in _SPECIAL or plain.startswith(_FORGEABLE):
        return DROP
    return PASS


def answer_kind(name: bytes) -> tuple[int, bytes]:
    """``(PASS | DROP | LENGTH | BAD, lower-case name)`` for a header of an answer."""
    kind = _answer_kinds.get(name)
    if kind is None:
        kind = _judge_answer(name)
        if len(_answer_kinds) < _REMEMBERED:
            _answer_kinds[name] = kind
    return kind


def _judge_answer(name: bytes) -> tuple[int, bytes]:
    lower = name.lower()
    if not _TOKEN.fullmatch(lower):
        return BAD, lower
    # Who may read an answer from elsewhere is the operator's word, see gateway.access.cors.
    if lower in _ANSWER_DROP or lower.startswith((b"x-plugway-", b"access-control-")):
        return DROP, lower
    return (LENGTH if lower == b"content-length" else PASS), lower


def named_in_connection(values: Iterable[bytes]) -> set[bytes]:
    """The names that ``Connection`` declares hop-by-hop.

    Only such headers may be dropped: the gateway's own identity travels in
    CallContext, so no client can strip it this way.
    """
    return {token.strip().lower() for value in values for token in value.split(b",")}
