"""One unary call of a method: over the lean connection where it fits, else over gRPC's own library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc

from gateway.proxy.failures import CallFailed, Failure, from_rpc_error
from gateway.proxy.typed.metadata import Metadata, fields, literals, status_of
from gateway.proxy.upstream import Upstream

Pairs = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Reply:
    """``status`` is gRPC's number; ``head`` the first metadata."""

    status: int
    data: bytes
    head: Pairs
    words: str = ""
    details: bytes = b""


async def ask(upstream: Upstream, path: str, metadata: Metadata, message: bytes, within: float) -> Reply:
    """Raises :class:`CallFailed` where no status of the plugin's own came back."""
    whole = await upstream.ask(path.encode(), literals(metadata), message, within)
    if whole is None:
        return await _ask_long(upstream, path, metadata, message, within)
    status, data, first, last = whole
    if not status.isdigit():
        raise CallFailed(Failure.GARBAGE, "answered with an invalid status")
    head = fields(first) if first is not last else []
    if status == b"0":
        return Reply(0, data, head)
    return Reply(int(status), b"", head, *status_of(fields(last)))


async def _ask_long(
    upstream: Upstream, path: str, metadata: Metadata, message: bytes, within: float
) -> Reply:
    call: Any = upstream.channel.unary_unary(path)
    rpc = call(message, timeout=within, metadata=metadata)
    try:
        data = await rpc
        return Reply(0, data, pairs_of(await rpc.initial_metadata()))
    except grpc.aio.AioRpcError as error:
        return from_error(error)


def from_error(error: grpc.aio.AioRpcError) -> Reply:
    """The plugin's own status; raises :class:`CallFailed` where the connection made it up."""
    trailing = pairs_of(error.trailing_metadata())
    status = int(error.code().value[0])
    refused = any(name == b"plugway-refused" for name, _ in trailing)
    # Without metadata of any kind the call most likely never got through.
    if refused or (error.code() is grpc.StatusCode.UNAVAILABLE and not trailing):
        raise from_rpc_error(error)
    _, details = status_of(trailing)
    return Reply(status, b"", pairs_of(error.initial_metadata()), error.details() or "", details)


def pairs_of(metadata: Any) -> Pairs:
    return [
        (key.encode(), value if isinstance(value, bytes) else value.encode("latin-1", "replace"))
        for key, value in metadata or ()
    ]
