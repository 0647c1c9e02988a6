"""Small steps between ASGI and the contract's messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc
from plugway.plugin.v1 import http_pb2

_Header = http_pb2.HttpHeader


def header_messages(headers: Iterable[tuple[bytes, bytes]]) -> list[http_pb2.HttpHeader]:
    return [_Header(name=name, value=value) for name, value in headers]


class ClientGone(OSError):
    """Nobody reads this answer any more. An app meets it in its ``send``."""


async def write(context: grpc.aio.ServicerContext[Any, Any], message: Any) -> None:
    """Send one message of a stream; raises ClientGone where the other side has left meanwhile."""
    try:
        await context.write(message)
    except grpc.aio.InternalError:
        raise ClientGone("the client has gone") from None
