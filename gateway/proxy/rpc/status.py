"""What the gateway itself refuses, as a gRPC status: code, message, and details for programs. Pure."""

from __future__ import annotations

import base64

from gateway.errors import Conflict, NotFound, PlugwayError
from gateway.proxy.problems import TimedOut

Pairs = list[tuple[bytes, bytes]]

OK, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, PERMISSION_DENIED = 0, 3, 4, 5, 7
RESOURCE_EXHAUSTED, FAILED_PRECONDITION, UNIMPLEMENTED, INTERNAL, UNAVAILABLE = 8, 9, 12, 13, 14
UNAUTHENTICATED = 16

_CODES = {
    400: INVALID_ARGUMENT,
    401: UNAUTHENTICATED,
    403: PERMISSION_DENIED,
    404: NOT_FOUND,
    405: UNIMPLEMENTED,
    408: DEADLINE_EXCEEDED,
    409: FAILED_PRECONDITION,
    413: RESOURCE_EXHAUSTED,
    415: UNIMPLEMENTED,
    422: INVALID_ARGUMENT,
    429: RESOURCE_EXHAUSTED,
    501: UNIMPLEMENTED,
    503: UNAVAILABLE,
    504: DEADLINE_EXCEEDED,
}
_HTTP = (200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401)
"""By gRPC's number: the HTTP status of google/rpc/code.proto, under which calls are counted."""

DOMAIN = "plugway"


class UnknownService(NotFound):
    key, title, status = "unknown-service", "No such service", 501


class AmbiguousService(Conflict):
    key, title = "ambiguous-service", "Several plugins export this service"


class DeadlinePassed(TimedOut):
    """The client's own deadline, which says nothing about the plugin."""


class NotUnderstood(PlugwayError):
    """A compressed or otherwise unreadable message for one of the gateway's own services."""

    key, title, status = "not-understood", "The message cannot be read", 501


def counted_as(status: bytes) -> int:
    """The HTTP status for a ``grpc-status``."""
    number = int(status) if status.isdigit() and len(status) < 3 else 2
    return _HTTP[number] if number < len(_HTTP) else 500


def trailers_of(error: PlugwayError) -> Pairs:
    """The fields that end a call with this error."""
    code = _CODES.get(error.status, INTERNAL)
    words = f"{error.detail} {error.hint}".strip()
    fields = [
        (b"grpc-status", b"%d" % code),
        (b"grpc-message", quoted(words)),
        (b"grpc-status-details-bin", base64.b64encode(_details(error, code, words)).rstrip(b"=")),
    ]
    if error.retry_after is not None:
        # What clients with a retry policy go by.
        fields.append((b"grpc-retry-pushback-ms", b"%d" % max(1, round(error.retry_after * 1000))))
    return fields


def quoted(words: str) -> bytes:
    """Percent-encoded as ``grpc-message`` is."""
    return b"".join(
        b"%c" % byte if 0x20 <= byte <= 0x7E and byte != 0x25 else b"%%%02X" % byte for byte in words.encode()
    )


def _details(error: PlugwayError, code: int, words: str) -> bytes:
    from google.rpc import error_details_pb2, status_pb2

    status = status_pb2.Status(code=code, message=words)
    reason = (error.reason or error.key).upper().replace("-", "_")
    about = {"type": f"urn:plugway:problem:{error.key}"}
    if error.plugin:
        about["plugin"] = error.plugin
    info = error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=about)
    status.details.add().Pack(info)
    if error.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(int(error.retry_after * 1e9))
        status.details.add().Pack(retry)
    return bytes(status.SerializeToString())
