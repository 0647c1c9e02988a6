"""Traces by OpenTelemetry's own library, sent as OTLP over HTTP. Imported only where they are wanted."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway import __version__

if TYPE_CHECKING:
    from plugway.plugin.v1.http_pb2 import CallContext

    from gateway.proxy.head import Head
    from gateway.proxy.headers import Pairs
    from gateway.proxy.tracing import Spans

_SEND_WITHIN = 5.0
"""Seconds for one batch; a collector that hangs holds up its own thread for so long."""

_PARTING = 3.0
"""Seconds to send what is left when the gateway ends."""

_propagator = TraceContextTextMapPropagator()


class OtelTracing:
    """``endpoint`` is the collector's address, without ``/v1/traces``.

    ``ratio`` of the traces that begin here are recorded; those of callers as the callers said. Spans wait in
    a queue of fixed length (2,048, ``OTEL_BSP_MAX_QUEUE_SIZE``), and are dropped where it is full.
    """

    def __init__(self, endpoint: str, ratio: float) -> None:
        who = {
            "service.name": os.environ.get("OTEL_SERVICE_NAME", "plugway"),
            "service.version": __version__,
            "service.instance.id": f"{os.uname().nodename}-{os.getpid()}",
        }
        self._provider = TracerProvider(
            resource=Resource.create(who),
            sampler=ParentBased(TraceIdRatioBased(ratio)),
            shutdown_on_exit=False,
        )
        # One line for a batch that was lost, none for each try.
        logging.getLogger(OTLPSpanExporter.__module__).setLevel(logging.ERROR)
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_SEND_WITHIN)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("gateway", __version__)

    def begin(self, head: Head, headers: Pairs, method: str, context: CallContext) -> Spans:
        server = self._server(head, headers, method)
        if not server.is_recording():
            _hand_on(server, head, context)
            return _UNRECORDED
        server.set_attribute("url.scheme", context.scheme)
        client = self._tracer.start_span(method, set_span_in_context(server), SpanKind.CLIENT)
        _hand_on(client, head, context)
        return OtelSpans(server, client, context.base_path, method)

    def refused(self, head: Head, headers: Pairs, method: str, plugin: str, route: str, status: int) -> None:
        span = self._server(head, headers, method)
        if span.is_recording():
            _end(span, method, _place(f"/plugins/{plugin}/api", route), status, {"plugway.plugin": plugin})

    def _server(self, head: Head, headers: Pairs, method: str) -> Span:
        carrier = {}
        if head.trace:
            carrier["traceparent"] = head.trace.decode()
            states = [value.decode("latin-1") for name, value in headers if name == b"tracestate"]
            if states:
                carrier["tracestate"] = ",".join(states)
        attributes = {"plugway.request_id": head.request_id}
        return self._tracer.start_span(method, _propagator.extract(carrier), SpanKind.SERVER, attributes)

    def close(self) -> None:
        # The library waits for half a minute, in a thread that nothing could end.
        thread = threading.Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        thread.start()
        thread.join(_PARTING)


class OtelSpans:
    """The two spans of one call."""

    __slots__ = ("_base", "_client", "_method", "_server")

    def __init__(self, server: Span, client: Span, base: str, method: str) -> None:
        self._server = server
        self._client = client
        self._base = base
        self._method = method

    def retried(self, why: str, instance: str) -> None:
        self._client.add_event("retry", {"plugway.failure": why, "plugway.instance": instance})

    def end(self, *, route: str, release: str, version: str, instance: str, status: int, broken: str) -> None:
        attributes = {
            "plugway.plugin": self._base.split("/")[2],
            "plugway.release": release,
            "plugway.version": version,
            "plugway.instance": instance,
        }
        place = _place(self._base, route)
        for span in (self._client, self._server):
            _end(span, self._method, place, status, attributes, broken)


class _Unrecorded:
    """A call whose trace nobody keeps."""

    def retried(self, why: str, instance: str) -> None:
        pass

    def end(self, *, route: str, release: str, version: str, instance: str, status: int, broken: str) -> None:
        pass


_UNRECORDED = _Unrecorded()


def _hand_on(span: Span, head: Head, context: CallContext) -> None:
    """What comes from the plugin is below this span."""
    ids = span.get_span_context()
    context.traceparent = f"00-{ids.trace_id:032x}-{ids.span_id:016x}-{ids.trace_flags:02x}"
    head.trace = context.traceparent.encode()


def _place(base: str, route: str) -> str:
    """The route as the plugin declared it: a path may hold secrets."""
    return f"{base}{route}" if route[:1] == "/" else f"{base} {route}"


def _end(
    span: Span, method: str, place: str, status: int, attributes: Mapping[str, str], broken: str = ""
) -> None:
    told: dict[str, str | int] = {**attributes, "http.request.method": method, "http.route": place}
    if status:
        told["http.response.status_code"] = status
    if failed := broken or (str(status) if status >= 500 else ""):
        told["error.type"] = failed
        span.set_status(Status(StatusCode.ERROR, broken))
    span.update_name(f"{method} {place}")
    span.set_attributes(told)
    span.end()
