"""From gRPC's words to ours: which status of a failed call is which error."""

from __future__ import annotations

import grpc
from grpc import aio

from gateway.contract.errors import ContractError, GarbageAnswer, NotAnswering, PluginFailed

_GARBAGE_SIGNS = ("Failed parsing HTTP/2", "http1.x server", "Wrong HTTP/2", "Error deserializing")


def contract_error(error: aio.AioRpcError, what: str) -> ContractError:
    """The typed error for a failed call; ``what`` names the call, e.g. "Describe"."""
    code, details = error.code(), error.details() or ""
    if any(sign in details for sign in _GARBAGE_SIGNS):
        return GarbageAnswer("What answers on its address does not speak gRPC.")
    match code:
        case grpc.StatusCode.UNAVAILABLE:
            return NotAnswering(_unavailable(details))
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return NotAnswering(f"No answer to {what} in time.")
        case grpc.StatusCode.UNIMPLEMENTED:
            return GarbageAnswer(f"It does not offer {what} of the contract.")
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return GarbageAnswer(f"Its answer to {what} is too long.")
        case _:
            return PluginFailed(f"{what} failed in the plugin ({code.name}).", hint="See the plugin's log.")


def _unavailable(details: str) -> str:
    """gRPC's own text names addresses and internals; the operator needs the cause."""
    for sign, words in (
        ("No such file", "It does not listen yet: its socket is not there."),
        ("Connection refused", "It does not listen: the connection was refused."),
        ("Permission denied", "The gateway may not open its socket (permission denied)."),
        ("Handshake", "The TLS handshake with it failed."),
        ("handshake", "The TLS handshake with it failed."),
        ("SSL", "The TLS handshake with it failed."),
        ("DNS", "The name in its address cannot be resolved."),
        ("Socket closed", "It closed the connection."),
        ("reset", "It closed the connection."),
    ):
        if sign in details:
            return words
    return "No connection to it."
