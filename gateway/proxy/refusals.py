"""What a server answers before there is a call: problem documents for heads that cannot be taken."""

from __future__ import annotations

import json

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from gateway.proxy.problems import PASSED_METHODS

Pairs = list[tuple[bytes, bytes]]

_WORDS = {
    400: ("bad-request", "The request is not valid HTTP", "The request could not be parsed."),
    408: ("head-too-slow", "The request head came too slowly", "The request head was not complete in time."),
    431: ("headers-too-large", "The request headers are too large", "Send fewer or shorter headers."),
    405: ("method-refused", "The method is not allowed", "No tunnels are opened here."),
}


def refusal(status: int) -> tuple[Pairs, bytes]:
    """Headers and body."""
    key, title, detail = _WORDS[status]
    document = {"type": f"urn:plugway:problem:{key}", "title": title, "status": status, "detail": detail}
    body = json.dumps(document).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
    if status == 405:
        headers.append((b"allow", PASSED_METHODS.encode()))
    return headers, body


def _http1(status: int) -> bytes:
    headers, body = refusal(status)
    lines = b"".join(b"%s: %s\r\n" % header for header in headers)
    return STATUS_LINE[status] + b"connection: close\r\n" + lines + b"\r\n" + body


REFUSALS = {status: _http1(status) for status in _WORDS}
"""The same as finished bytes of HTTP/1.1, after which the connection is closed."""
