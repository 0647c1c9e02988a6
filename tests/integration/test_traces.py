"""Traces across gateway and plugin, as a real collector gets them; and calls while there is none."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from websockets.asyncio.client import connect

from gateway.model import ReleaseId
from gateway.proxy.otel import OtelTracing
from gateway.proxy.tracing import open_tracing
from gateway.settings import Settings
from tests.fakes.contract_plugin import ContractPlugin, serve
from tests.fakes.data_plane import AUTH, Plane, endpoint, route, running_plane
from tests.fakes.otlp import Collector, Told, collector
from tests.releases import add_release
from tests.running import gateway, until
from tests.workers import get, serving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
QUEUE = 64


@pytest.mark.timeout(240)
async def test_the_spans_of_gateway_and_plugin_are_one_trace(tmp_path: Path) -> None:
    with collector() as (taken, address):
        add_release(tmp_path / "releases", "1.0.0", traces=address)
        settings = {
            "PLUGWAY_PLUGIN_PATH": str(tmp_path / "releases"), "PLUGWAY_TRACES": address,
            "PLUGWAY_TRACES_RATIO": "0", "PLUGWAY_INSTALL": "mover", "PLUGWAY_WORKERS": "1",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }  # fmt: skip
        async with gateway(tmp_path / "home", "process", settings) as running:
            await running.healthy("mover", 90)
            await serving(running, 1)
            carried = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=a,other=b"}
            answer = await running.client.get("/plugins/mover/api/traced?secret=hunter2", headers=carried)
            spans = await until(lambda: whole(taken.of(TRACE), 4), "all spans of the trace")
            server, client, plugin, own = in_order(spans, PARENT)
            assert [told.service for told in (server, client, plugin, own)] == ["plugway"] * 2 + ["mover"] * 2
            kinds = [told.span.kind for told in (server, client, plugin)]
            assert kinds == [Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER]
            assert server.span.name == "GET /plugins/mover/api other"
            assert own.span.name == "work of the plugin"
            told = server.attributes
            assert (told["plugway.plugin"], told["plugway.version"]) == ("mover", "1.0.0")
            assert (told["http.response.status_code"], told["http.request.method"]) == (200, "GET")
            assert told["plugway.request_id"] == answer.headers["x-request-id"]
            assert told["plugway.release"]
            # What the plugin got goes on from the gateway's span; the rest is as the caller wrote it.
            came = answer.json()
            assert came["traceparent"] == f"00-{TRACE}-{client.span.span_id.hex()}-01"
            assert came["tracestate"] == "vendor=a,other=b"
            assert "hunter2" not in str(spans)
            # Not recorded: as the caller said, and as the ratio says where nobody did.
            unwanted = {"traceparent": f"00-{'5' * 32}-{PARENT}-00"}
            came = (await running.client.get("/plugins/mover/api/traced", headers=unwanted)).json()
            assert came["traceparent"].startswith(f"00-{'5' * 32}-")
            assert not recorded(came["traceparent"])
            begun = (await get(running, "/plugins/mover/api/traced")).json()["traceparent"]
            assert not recorded(begun)
            number = len(taken.spans)
        assert len(taken.spans) == number == 4, "nor at the end, when all that waits is sent"


def recorded(traceparent: str) -> bool:
    return bool(int(traceparent[-2:], 16) & 1)


def whole(spans: list[Told], number: int) -> list[Told] | None:
    return spans if len(spans) >= number else None


def in_order(spans: list[Told], parent: str) -> list[Told]:
    """From a span to its only child, and on."""
    ordered = []
    while children := [told for told in spans if told.span.parent_span_id.hex() == parent]:
        (child,) = children
        ordered.append(child)
        parent = child.span.span_id.hex()
    return ordered


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Collector, str]]:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", str(QUEUE))
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16")
    with collector() as found:
        yield found


@asynccontextmanager
async def traced_plane(tmp_path: Path, address: str) -> AsyncIterator[tuple[Plane, httpx.AsyncClient]]:
    """With the plugin ``notes`` in two releases, of which the first refuses all calls."""
    tracing = await asyncio.to_thread(open_tracing, Settings.model_validate({"traces": address}))
    one, two = endpoint(f"unix:{tmp_path}/p.sock"), endpoint(f"unix:{tmp_path}/q.sock", "two")
    refusing = ContractPlugin()
    refusing.draining = True
    servers = [await serve(one.address, refusing), await serve(two.address, ContractPlugin())]
    async with running_plane(tmp_path / "home", tracing=tracing) as plane:
        base = route(one, templates=("/status/{code}",))
        new = replace(base.targets[0], release_id=ReleaseId("r2"), endpoints=(two,), weight=0, warm=True)
        plane.publish(replace(base, targets=(base.targets[0], new)))
        async with httpx.AsyncClient(base_url=plane.url, headers=AUTH, timeout=30) as client:
            yield plane, client
    for server in servers:
        await server.stop(None)


async def test_retries_failures_and_refusals_show(tmp_path: Path, taken: tuple[Collector, str]) -> None:
    traces, address = taken
    async with traced_plane(tmp_path, address) as (plane, client):
        assert (await client.get("/plugins/notes/api/status/503")).status_code == 503
        async with httpx.AsyncClient(base_url=plane.url, timeout=30) as stranger:
            assert (await stranger.get("/plugins/notes/api/status/1")).status_code == 401
        await until(lambda: whole(traces.spans, 3), "three spans")
        url = f"ws://127.0.0.1:{plane.port}/plugins/notes/api/ws"
        async with connect(url, additional_headers=AUTH, proxy=None):
            assert len(traces.spans) == 3, "a WebSocket's spans end with it"
        await until(lambda: whole(traces.spans, 5), "two more")
    sockets = traces.spans[3:]
    del traces.spans[3:]
    assert [told.attributes["http.response.status_code"] for told in sockets] == [101, 101]
    assert len(next(told for told in sockets if told.span.kind == Span.SPAN_KIND_CLIENT).span.events) == 1
    client_span = next(told for told in traces.spans if told.span.kind == Span.SPAN_KIND_CLIENT)
    (event,) = client_span.span.events
    assert event.name == "retry"
    assert {pair.key: pair.value.string_value for pair in event.attributes}["plugway.instance"] == "one"
    statuses = {told.attributes["http.response.status_code"]: told for told in traces.spans}
    assert statuses.keys() == {503, 401}
    assert statuses[503].attributes["http.route"] == "/plugins/notes/api/status/{code}"
    assert (statuses[503].attributes["plugway.release"], client_span.attributes["plugway.instance"]) == (
        "r2",
        "two",
    )
    assert statuses[503].span.status.code == Status.STATUS_CODE_ERROR
    assert statuses[401].span.status.code == Status.STATUS_CODE_UNSET


@pytest.mark.parametrize("state", ["hanging", "down"])
async def test_calls_go_on_without_a_collector(
    tmp_path: Path, taken: tuple[Collector, str], state: str
) -> None:
    traces, address = taken
    traces.go_on.clear()
    if state == "down":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{free.getsockname()[1]}"
    async with traced_plane(tmp_path, address) as (plane, client):
        for _ in range(2 * QUEUE):
            assert (await client.get("/plugins/notes/api/status/200")).status_code == 200
        tracing = cast("OtelTracing", plane.data_plane._tracing)
        (processor,) = tracing._provider._active_span_processor._span_processors
        assert len(processor._batch_processor._queue) <= QUEUE  # type: ignore[attr-defined]
        if state == "hanging":
            await until(lambda: traces.asked, "the collector to be asked")
        # The end of the plane, here, waits for the collector for some seconds at most.


async def test_without_a_setting_there_is_nothing(tmp_path: Path) -> None:
    assert open_tracing(Settings.model_validate({})) is None
