"""What travels beside the messages of a typed call: headers in, gRPC metadata out, and back. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import unquote

from hpack import Decoder, HPACKError
from plugway.plugin.v1.http_pb2 import HttpHeader, HttpRequest

from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.wire.hpack import literal

CONTEXT = "plugway-context-bin"
"""A ``CallContext`` as bytes: what the gateway vouches for. Taken from no client."""

Metadata = list[tuple[str, str | bytes]]

# The HTTP call's own, and what gRPC says by itself.
_KEPT_BACK = frozenset(
    {
        b"host", b"content-length", b"content-type", b"content-encoding", b"accept-encoding", b"user-agent",
        b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range", b"range",
    }
)  # fmt: skip
_RESERVED = (b"grpc-", b"plugway-", b":")
_NAME = re.compile(rb"[0-9a-z_.-]+")
_VALUE = re.compile(rb"[\x20-\x7e]*")
_OWN_ANSWER = (b"grpc-", b":", b"content-", b"plugway-")
_BLOCKS_KEPT = 512

_decoder_blocks: dict[bytes, list[tuple[bytes, bytes]]] = {}


def passes(name: bytes, value: bytes) -> bool:
    """Whether a client's header may go on as metadata: whatever could speak for the gateway may not."""
    return (
        name not in _KEPT_BACK
        and not name.startswith(_RESERVED)
        and not name.endswith(b"-bin")
        and _NAME.fullmatch(name) is not None
        and _VALUE.fullmatch(value) is not None
    )


def outgoing(request: HttpRequest) -> Metadata:
    """For a call through gRPC's own library."""
    pairs: Metadata = [(CONTEXT, request.context.SerializeToString())]
    if request.context.traceparent:
        pairs.append(("traceparent", request.context.traceparent))
    for header in request.headers:
        if passes(header.name, header.value):
            pairs.append((header.name.decode(), header.value.decode()))
    return pairs


def literals(metadata: Metadata) -> bytes:
    """The same as header fields on the wire."""
    return b"".join(
        literal(name.encode(), base64.b64encode(value) if isinstance(value, bytes) else value.encode())
        for name, value in metadata
    )


def fields(block: bytes) -> list[tuple[bytes, bytes]]:
    """All fields of a header block of an answer; raises :class:`CallFailed`."""
    if (known := _decoder_blocks.get(block)) is not None:
        return known
    decoder = Decoder()
    decoder.max_allowed_table_size = decoder.header_table_size = 0
    try:
        found = [(bytes(name), bytes(value)) for name, value in decoder.decode(block, raw=True)]
    except HPACKError:
        raise CallFailed(Failure.GARBAGE, "answered with a header block that cannot be read") from None
    if len(_decoder_blocks) < _BLOCKS_KEPT:
        # Servers repeat their first blocks to the byte.
        _decoder_blocks[block] = found
    return found


def status_of(pairs: Iterable[tuple[bytes, bytes]]) -> tuple[str, bytes]:
    """The words and the details of a status."""
    words, details = "", b""
    for name, value in pairs:
        if name == b"grpc-message":
            words = unquote(value.decode("latin-1"), errors="replace")
        elif name == b"grpc-status-details-bin":
            details = _binary(value)
    return words, details


def _binary(value: bytes) -> bytes:
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4))
    except ValueError:
        return b""


def answer_headers(pairs: Iterable[tuple[bytes, bytes]]) -> list[HttpHeader]:
    """The first metadata of an answer as headers, without what describes the gRPC call itself."""
    return [
        HttpHeader(name=name, value=value)
        for name, value in pairs
        if not name.startswith(_OWN_ANSWER) and not name.endswith(b"-bin") and name != b"trailer"
    ]
