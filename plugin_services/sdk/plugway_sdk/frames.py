"""Small conversions between ASGI and the contract's messages."""

from __future__ import annotations

from collections.abc import Iterable

from plugway.plugin.v1 import http_pb2

_Header = http_pb2.HttpHeader


def header_messages(headers: Iterable[tuple[bytes, bytes]]) -> list[http_pb2.HttpHeader]:
    return [_Header(name=name, value=value) for name, value in headers]
