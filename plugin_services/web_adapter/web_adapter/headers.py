"""Which headers pass to the API and back, and where its redirects lead."""

from __future__ import annotations

from collections.abc import Iterable

Pairs = list[tuple[bytes, bytes]]

_HOP = {
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection",
    b"te", b"trailer", b"trailers", b"transfer-encoding", b"upgrade", b"expect",
}  # fmt: skip
# The gateway's own: who calls is none of a stranger's business.
_KEPT_HERE = _HOP | {b"host", b"cookie", b"origin", b"referer", b"forwarded", b"x-request-id", b"traceparent"}
_KEPT_HERE_PREFIXES = (b"x-forwarded-", b"x-plugway-", b"sec-websocket-", b"sec-fetch-")


def for_api(headers: Iterable[tuple[bytes, bytes]], host: bytes, request_id: str) -> Pairs:
    """Headers of a call to the API; ``authorization`` reaches here only where it is not the gateway's."""
    named = _named_in_connection(headers := list(headers))
    passed = [
        (name, value)
        for name, value in headers
        if name not in _KEPT_HERE and name not in named and not name.startswith(_KEPT_HERE_PREFIXES)
    ]
    own = [(b"x-request-id", request_id.encode())] if request_id else []
    return [(b"host", host), *passed, *own]


def for_client(headers: Iterable[tuple[bytes, bytes]], base: str, root_path: str) -> Pairs:
    """Headers of the API's answer; a redirect inside the API stays inside the plugin."""
    lower = [(name.lower(), value) for name, value in headers]
    named = _named_in_connection(lower)
    return [
        (name, _moved(value, base, root_path) if name in (b"location", b"content-location") else value)
        for name, value in lower
        if name not in _HOP and name not in named
    ]


def _named_in_connection(headers: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
    return {
        token.strip().lower()
        for name, value in headers
        if name == b"connection"
        for token in value.split(b",")
    } - {b"content-length"}


def _moved(location: bytes, base: str, root_path: str) -> bytes:
    scheme, _, rest = base.partition("://")
    host, _, path = rest.partition("/")
    prefix = f"/{path}".rstrip("/").encode()
    place = location.removeprefix(f"{scheme}://{host}".encode())
    if place.startswith(prefix + b"/") or place == prefix:
        return root_path.encode() + place[len(prefix) :]
    return location
