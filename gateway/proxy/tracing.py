"""Traces of calls, where they are wanted: what the data plane asks of whoever records them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.errors import Internal
from gateway.settings import Settings

if TYPE_CHECKING:
    from plugway.plugin.v1.http_pb2 import CallContext

    from gateway.proxy.head import Head
    from gateway.proxy.headers import Pairs


class NoTraces(Internal):
    """Traces are wanted, and the libraries for them are not installed."""

    key, title = "no-traces", "Traces cannot be sent"


class Spans(Protocol):
    """A call as its caller sees it, and within that what is asked of the plugin."""

    def retried(self, why: str, instance: str) -> None:
        """It failed on an instance and is tried again."""

    def end(
        self, *, route: str, release: str, version: str, instance: str, status: int, broken: str
    ) -> None: ...


class Tracing(Protocol):
    """Records calls. Nothing of it waits for anybody who takes the traces."""

    def begin(self, head: Head, headers: Pairs, method: str, context: CallContext) -> Spans:
        """Go on with the caller's trace, or begin one, and tell the plugin in ``context``."""

    def refused(self, head: Head, headers: Pairs, method: str, plugin: str, route: str, status: int) -> None:
        """A call that is not passed on."""

    def close(self) -> None:
        """Send what waits; within seconds, in any thread."""


def open_tracing(settings: Settings) -> Tracing | None:
    """None where none are wanted, which then cost nothing. Imports a lot: for a thread.

    Raises :class:`NoTraces`.
    """
    if not settings.traces:
        return None
    try:
        from gateway.proxy.otel import OtelTracing
    except ImportError as error:
        raise NoTraces(
            f"PLUGWAY_TRACES is set, and {error.name} is missing.", hint="Run: pip install 'plugway[traces]'"
        ) from error
    return OtelTracing(settings.traces, settings.traces_ratio)
