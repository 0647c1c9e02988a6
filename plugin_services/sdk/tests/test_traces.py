"""Spans of a plugin, sent by the gateway's relay as from a container without network."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from plugway.plugin.v1.http_pb2 import CallContext
from plugway_sdk.context import current_message
from plugway_sdk.traces import call_context, export_traces

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="pw-sdk-"))
    monkeypatch.setenv("PLUGWAY_EGRESS", f"unix:{directory}/relay.sock")
    yield directory / "relay.sock"
    shutil.rmtree(directory)


async def test_a_plugins_spans_go_on_with_the_call_and_out_by_the_relay(place: Path) -> None:
    asked: list[bytes] = []
    taken = ExportTraceServiceRequest()
    met: set[asyncio.Task[None]] = set()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        assert head.startswith(b"POST /v1/traces ")
        assert length
        taken.MergeFromString(await reader.readexactly(int(length[1])))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.add(asyncio.create_task(meet(reader, writer)))

    server = await asyncio.start_unix_server(begin, place)
    provider = await asyncio.to_thread(export_traces, "notes", "http://collector.example:4318/")
    current_message.set(CallContext(traceparent=f"00-{TRACE}-{PARENT}-01"))
    with provider.get_tracer("notes").start_as_current_span("own work", call_context()):
        pass
    current_message.set(CallContext(traceparent=f"00-{TRACE}-{PARENT}-00"))
    with provider.get_tracer("notes").start_as_current_span("not recorded", call_context()):
        pass
    await asyncio.to_thread(provider.shutdown)
    await asyncio.wait(met, timeout=20)
    server.close()
    assert asked == [b"CONNECT collector.example:4318 HTTP/1.1\r\nHost: collector.example:4318\r\n\r\n"]
    (span,) = taken.resource_spans[0].scope_spans[0].spans
    assert (span.name, span.trace_id.hex(), span.parent_span_id.hex()) == ("own work", TRACE, PARENT)
