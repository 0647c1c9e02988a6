"""A collector of traces: OTLP over HTTP, its messages read with the protocol's own definitions."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True)
class Told:
    """One span, and the service that sent it."""

    service: str
    span: Span

    @property
    def attributes(self) -> dict[str, str | int]:
        return {
            pair.key: pair.value.int_value if pair.value.HasField("int_value") else pair.value.string_value
            for pair in self.span.attributes
        }


class Collector:
    """``spans`` are all that were sent. While ``hanging``, nobody gets an answer."""

    def __init__(self) -> None:
        self.spans: list[Told] = []
        self.asked = 0
        self.go_on = threading.Event()
        self.go_on.set()

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [Told(names["service.name"], span) for span in scope.spans]

    def of(self, trace: str) -> list[Told]:
        return [told for told in tuple(self.spans) if told.span.trace_id.hex() == trace]


@contextmanager
def collector() -> Iterator[tuple[Collector, str]]:
    """One that listens, and its address."""
    taken = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.asked += 1
            taken.go_on.wait(60)
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            assert (self.path, self.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
            taken.take(body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield taken, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        taken.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()
