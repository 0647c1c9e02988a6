"""HTTP/2 frames as far as unary gRPC needs them (RFC 9113)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from gateway.proxy.wire.hpack import BadBlock, Fields, literal, read_block

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
NO_ERROR, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, REFUSED_STREAM, CANCEL = 0x0, 0x1, 0x3, 0x7, 0x8

MAX_ANSWER: Final = 8 * 2**20
"""Longest answer in bytes; more than the contract's 1 MiB and its head can be."""

FRAME = Struct(">IBI")  # length and type, flags, stream
UINT = Struct(">I")
MESSAGE = Struct(">BI")  # compressed, length
SETTING = Struct(">HI")
FRAME_LIMIT = 16384
CONNECTION_WINDOW = 64 * 2**20
_BLOCKS_KEPT = 1024

_blocks: dict[bytes, Fields] = {}
_timeouts: dict[float, bytes] = {}


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return FRAME.pack(len(payload) << 8 | kind, flags, stream) + payload


def preface(window: int, longest_frame: int = FRAME_LIMIT) -> bytes:
    """What opens a connection whose calls may each have ``window`` bytes under way."""
    # No dynamic table, no push, and a bound on header lists.
    settings = ((1, 0), (2, 0), (4, window), (5, longest_frame), (6, 65536))
    return b"".join(
        (
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            frame(SETTINGS, 0, 0, b"".join(SETTING.pack(*setting) for setting in settings)),
            frame(WINDOW_UPDATE, 0, 0, UINT.pack(CONNECTION_WINDOW - 65535)),
        )
    )


PREFACE = preface(MAX_ANSWER)
"""Room for a whole answer."""


def fields_of(block: bytes) -> Fields:
    """What a header block says; read once, as servers repeat their blocks. Raises BadBlock."""
    fields = _blocks.get(block)
    if fields is None:
        fields = read_block(block)
        if len(_blocks) < _BLOCKS_KEPT:
            _blocks[block] = fields
    return fields


def without_padding(flags: int, payload: bytes) -> bytes:
    """The payload of a DATA or HEADERS frame without its padding and priority."""
    start, stop = 0, len(payload)
    if flags & PADDED:
        start, stop = 1, stop - payload[0]
    if flags & PRIORITY:
        start += 5
    if start > stop:
        raise BadBlock("padding beyond the frame")
    return payload[start:stop]


def timeout_field(within: float) -> bytes:
    """The ``grpc-timeout`` field, which carries the deadline to the plugin."""
    if (known := _timeouts.get(within)) is not None:
        return known
    milliseconds = max(1, min(round(within * 1000), 99_999_999))
    if len(_timeouts) > 64:
        _timeouts.clear()
    return _timeouts.setdefault(within, literal(b"grpc-timeout", b"%dm" % milliseconds))
