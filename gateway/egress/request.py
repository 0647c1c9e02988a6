"""The relay's side of HTTP CONNECT (RFC 9110, 9.3.6): what is asked, and what is answered. Pure."""

from __future__ import annotations

from http import HTTPStatus

from gateway.egress.destinations import BadDestination, Destination, read_destination

HEAD_LIMIT = 8192
"""Bytes of a request's head; only its first line matters."""
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Refused(Exception):
    """The connection is not made; ``words`` are for the plugin's log and for the operator."""

    def __init__(self, status: HTTPStatus, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


def wanted(head: bytes) -> Destination:
    """Where the request leads; raises :class:`Refused`."""
    try:
        method, target, version = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
    except ValueError:
        raise Refused(HTTPStatus.BAD_REQUEST, "This is no HTTP request.") from None
    if not version.startswith("HTTP/1."):
        raise Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "The relay speaks HTTP/1.1.")
    if method != "CONNECT":
        raise Refused(
            HTTPStatus.METHOD_NOT_ALLOWED, "The relay knows CONNECT host:port only, for plain HTTP too."
        )
    try:
        return read_destination(target)
    except BadDestination as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"CONNECT takes host:port; {error}.") from None


def answer(refused: Refused) -> bytes:
    body = f"{refused.words}\n".encode()
    head = (
        f"HTTP/1.1 {refused.status.value} {refused.status.phrase}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
