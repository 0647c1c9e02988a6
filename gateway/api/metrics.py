"""The gateway's metrics, and how its plugins are, as OpenMetrics text."""

from __future__ import annotations

import time
from collections.abc import Iterable

from fastapi import APIRouter, Request
from prometheus_client import REGISTRY, CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.model import PluginState


def plugin_metrics(parts: Parts) -> list[Metric]:
    """The state of every plugin as it is now."""
    up = GaugeMetricFamily("plugway_plugin_up", "1 where the plugin is healthy", labels=["plugin"])
    state = GaugeMetricFamily(
        "plugway_plugin_state", "1 for the state the plugin is in", labels=["plugin", "state"]
    )
    restarts = CounterMetricFamily(
        "plugway_plugin_restarts", "Restarts since the gateway started", labels=["plugin"]
    )
    for record in parts.store.plugins():
        status = parts.supervisor.status(record.id)
        up.add_metric([record.id], float(status.state is PluginState.HEALTHY))
        for one in PluginState:
            state.add_metric([record.id, one.value], float(status.state is one))
        restarts.add_metric([record.id], status.restarts)
    number, uptime = parts.snapshots.current.number, time.time() - parts.started_at
    return [
        up,
        state,
        restarts,
        GaugeMetricFamily("plugway_snapshot_number", "Number of the routing table", value=number),
        GaugeMetricFamily("plugway_uptime_seconds", "Time since the gateway started", value=uptime),
    ]


class _Both(Collector):
    """Metrics read beforehand, and what modules registered globally: the process, the data plane."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        yield from self._metrics
        yield from REGISTRY.collect()


def metrics_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["system"])

    @router.get(
        "/metrics",
        operation_id="getMetrics",
        summary="Metrics as OpenMetrics text",
        response_class=Response,
        responses={
            **responses(),
            200: {
                "description": "OpenMetrics, or Prometheus text where the client does not ask for it.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
        },
    )
    async def get_metrics(request: Request) -> Response:
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        registry = CollectorRegistry()
        registry.register(_Both(plugin_metrics(parts)))
        # In a thread, as the process's own figures are read from files.
        text = await run_in_threadpool(encode, registry)
        return Response(text, headers={"content-type": media_type})

    return router
