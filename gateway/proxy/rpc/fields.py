"""Header fields: a client's on their way to the plugin, the plugin's on their way back. Pure."""

from __future__ import annotations

import base64

from plugway.plugin.v1.http_pb2 import HttpRequest

from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.head import Head
from gateway.proxy.headers import BAD_VALUE, DROP, PASS, Pairs, answer_kind
from gateway.proxy.typed.metadata import CONTEXT

_CONTEXT = CONTEXT.encode()
_KEPT_BACK = frozenset({b"host", b"content-length", b"grpc-timeout"})
_OWN = b"plugway-"


def outgoing(request: HttpRequest, head: Head) -> Pairs:
    """What goes to the plugin beside path and deadline: the client's metadata as it is, and who calls."""
    fields = [
        (header.name, header.value)
        for header in request.headers
        if header.name not in _KEPT_BACK and not header.name.startswith(_OWN)
    ]
    if request.context.traceparent:
        fields.append((b"traceparent", request.context.traceparent.encode()))
    fields.append((b"x-request-id", head.request_id.encode()))
    fields.append((_CONTEXT, base64.b64encode(request.context.SerializeToString()).rstrip(b"=")))
    return fields


def first(fields: Pairs, request_id: str) -> Pairs:
    """The head of an answer; raises :class:`CallFailed` where it is none of gRPC."""
    said = dict(fields)
    if said.get(b":status") != b"200" or not said.get(b"content-type", b"").startswith(b"application/grpc"):
        raise CallFailed(Failure.GARBAGE, "does not speak gRPC")
    return [*passing(fields), (b"x-request-id", request_id.encode())]


def last(fields: Pairs | None) -> Pairs:
    """The fields that end an answer; raises :class:`CallFailed` where they do not."""
    if fields is None or not status_of(fields).isdigit():
        raise CallFailed(Failure.GARBAGE, "ended the call without a status")
    return passing(fields)


def passing(fields: Pairs) -> Pairs:
    """Without what a plugin may not say for the whole host, as in every answer."""
    kept = []
    for name, value in fields:
        if name[:1] == b":" or name.startswith(_OWN):
            continue
        kind = answer_kind(name)[0]
        if kind == PASS:
            if BAD_VALUE.search(value):
                raise CallFailed(Failure.GARBAGE, "answered with a header that HTTP does not allow")
            kept.append((name, value))
        elif kind != DROP and name != b"content-length":
            raise CallFailed(Failure.GARBAGE, "answered with a header that HTTP does not allow")
    return kept


def status_of(fields: Pairs) -> bytes:
    """``grpc-status`` as it is written, or nothing."""
    return next((value for name, value in fields if name == b"grpc-status"), b"")


def is_refusal(fields: Pairs) -> bool:
    """Whether it is certain that the call never reached the plugin's code."""
    return any(name == b"plugway-refused" for name, _ in fields)
