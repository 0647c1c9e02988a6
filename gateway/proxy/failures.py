"""How a call to a plugin can fail below HTTP, in one form for every way of calling."""

from __future__ import annotations

from enum import Enum

import grpc

from gateway.errors import PlugwayError
from gateway.proxy.problems import BadAnswer, PluginUnavailable, TimedOut


class Failure(Enum):
    """What went wrong. ``REFUSED`` is certain not to have reached the plugin's code."""

    REFUSED = "refused"
    LOST = "lost"
    TIMED_OUT = "timed out"
    GARBAGE = "garbage"


class CallFailed(Exception):
    """The plugin gave no answer; ``words`` say why, for people. ``away``: nobody was at its address."""

    def __init__(self, failure: Failure, words: str, *, away: bool = False) -> None:
        super().__init__(words)
        self.away = away
        self.failure = failure
        self.words = words

    def problem(self, plugin: str) -> PlugwayError:
        """What the client is told."""
        if self.failure is Failure.TIMED_OUT:
            return TimedOut(f"The plugin {plugin} {self.words}.", plugin=plugin, reason="timed-out")
        if self.failure is Failure.GARBAGE:
            return BadAnswer(f"The plugin {plugin} {self.words}.", plugin=plugin, reason="bad-answer")
        return PluginUnavailable(
            f"The plugin {plugin} {self.words}.", plugin=plugin, reason="unhealthy", retry_after=1.0
        )


_FAILURES = {
    grpc.StatusCode.DEADLINE_EXCEEDED: (Failure.TIMED_OUT, "did not answer within its time"),
    grpc.StatusCode.UNAVAILABLE: (Failure.LOST, "cannot be reached, or went away during the call"),
    grpc.StatusCode.CANCELLED: (Failure.LOST, "ended the call"),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (Failure.GARBAGE, "sent a message that is too long, or is exhausted"),
    grpc.StatusCode.UNIMPLEMENTED: (Failure.GARBAGE, "does not know this part of the contract"),
    grpc.StatusCode.NOT_FOUND: (Failure.GARBAGE, "no longer has the rest of its answer"),
}


def from_code(code: grpc.StatusCode | None) -> CallFailed:
    """The failure for a gRPC status. Its details are the plugin's words and stay in its log."""
    failure, words = _FAILURES.get(code, (Failure.GARBAGE, f"failed the call ({code.name if code else '?'})"))  # type: ignore[arg-type]
    return CallFailed(failure, words)


def refused() -> CallFailed:
    """It is draining, and said that the call never reached its code."""
    return CallFailed(Failure.REFUSED, "is being replaced and takes no new calls")


_BY_NUMBER = {str(code.value[0]).encode(): code for code in grpc.StatusCode}


def from_status(status: bytes) -> CallFailed:
    """The failure for a ``grpc-status`` as it came over the wire."""
    return from_code(_BY_NUMBER.get(status))


def from_rpc_error(error: grpc.RpcError) -> CallFailed:
    if not isinstance(error, grpc.aio.AioRpcError):
        return from_code(None)
    if any(key == "plugway-refused" for key, _ in error.trailing_metadata() or ()):
        return refused()
    return from_code(error.code())
