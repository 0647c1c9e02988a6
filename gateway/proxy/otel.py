"""Traces by OpenTelemetry's own library, sent as OTLP over HTTP. Imported only where they are wanted."""

from __future__ import annotations

import os
import threading
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
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_SEND_WITHIN)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("gateway", __version__)

    def begin(self, head: Head, headers: Pairs, method: str, context: CallContext) -> OtelSpans:
        server = self._server(head, headers, method)
        server.set_attribute("url.scheme", context.scheme)
        within = set_span_in_context(server)
        client = self._tracer.start_span(method, within, SpanKind.CLIENT, {"http.request.method": method})
        carrier: dict[str, str] = {}
        _propagator.inject(carrier, set_span_in_context(client))
        context.traceparent = carrier["traceparent"]
        head.trace = carrier["traceparent"].encode()
        return OtelSpans(server, client, context.base_path, method)

    def refused(self, head: Head, headers: Pairs, method: str, plugin: str, route: str, status: int) -> None:
        span = self._server(head, headers, method)
        base = f"/plugins/{plugin}/api"
        _describe(span, base, method, route, status)
        span.set_attribute("plugway.plugin", plugin)
        span.end()

    def _server(self, head: Head, headers: Pairs, method: str) -> Span:
        carrier = {}
        if head.trace:
            carrier["traceparent"] = head.trace.decode()
            states = [value.decode("latin-1") for name, value in headers if name == b"tracestate"]
            if states:
                carrier["tracestate"] = ",".join(states)
        attributes = {"http.request.method": method, "plugway.request_id": head.request_id}
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
        plugin = self._base.split("/")[2]
        for span in (self._client, self._server):
            _describe(span, self._base, self._method, route, status)
            span.set_attributes(
                {
                    "plugway.plugin": plugin,
                    "plugway.release": release,
                    "plugway.version": version,
                    "plugway.instance": instance,
                }
            )
            if broken:
                span.set_attribute("error.type", broken)
                span.set_status(Status(StatusCode.ERROR, broken))
            span.end()


def _describe(span: Span, base: str, method: str, route: str, status: int) -> None:
    """The route as the plugin declared it: a path may hold secrets."""
    span.update_name(f"{method} {base}{route}" if route[:1] == "/" else f"{method} {base} {route}")
    span.set_attribute("http.route", f"{base}{route}" if route[:1] == "/" else route)
    if status:
        span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_attribute("error.type", str(status))
        span.set_status(Status(StatusCode.ERROR))
