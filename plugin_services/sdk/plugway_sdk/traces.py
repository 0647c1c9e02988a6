"""A plugin's part of traces, by OpenTelemetry: ``pip install 'plugway-sdk[traces]'``.

The gateway hands its trace on with every call, whether it records one itself or not.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from plugway_sdk import egress
from plugway_sdk.context import current_message
from plugway_sdk.plugin import AsgiApp, Receive, Send

_CARRIED = (b"traceparent", b"tracestate")
_propagator = TraceContextTextMapPropagator()


def export_traces(service: str, endpoint: str, *, ratio: float = 1.0) -> TracerProvider:
    """Send spans to a collector (OTLP over HTTP, such as ``http://collector:4318``) from now on.

    The plugin needs leave for that destination (``permissions.egress``). A trace that comes with a call is
    recorded as its beginner said; ``ratio`` is for those that begin here.
    """
    provider = TracerProvider(
        resource=Resource.create({"service.name": service}), sampler=ParentBased(TraceIdRatioBased(ratio))
    )
    exporter = OTLPSpanExporter(f"{_reached(endpoint)}/v1/traces", timeout=5.0)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider


def _reached(endpoint: str) -> str:
    """The address under which a container without network gets there; TLS finds the relay by itself."""
    parts = urlsplit(endpoint.rstrip("/"))
    if parts.scheme != "http" or not parts.hostname or egress.relay() is None:
        return endpoint.rstrip("/")
    host, port = egress.forward(parts.hostname, parts.port or 80)
    return f"http://{host}:{port}{parts.path}"


def call_context() -> Context:
    """The trace of the call being answered, as the parent of spans; works in typed services too."""
    message = current_message.get()
    carrier = {"traceparent": message.traceparent} if message is not None and message.traceparent else {}
    return _propagator.extract(carrier)


def traced(app: AsgiApp) -> AsgiApp:
    """The app with a span around each call, within which its own spans are."""
    tracer = trace.get_tracer("plugway_sdk")

    async def around(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await app(scope, receive, send)
            return
        carrier = {name.decode(): value.decode() for name, value in scope["headers"] if name in _CARRIED}
        method = scope.get("method", "GET")
        status = 0

        async def told(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        parent = _propagator.extract(carrier)
        with tracer.start_as_current_span(method, parent, SpanKind.SERVER) as span:
            try:
                await app(scope, receive, told)
            finally:
                route = getattr(scope.get("route"), "path", "")
                if route:
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)
                span.set_attribute("http.request.method", method)
                if status:
                    span.set_attribute("http.response.status_code", status)
                if status >= 500:
                    span.set_status(Status(StatusCode.ERROR))

    return around
