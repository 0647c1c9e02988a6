"""The gateway's metrics, and how its plugins are, as OpenMetrics text."""

from __future__ import annotations

import time
from collections.abc import Iterable

from fastapi import APIRouter, Request
from prometheus_client import REGISTRY, CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.responses import Response

from gateway.access.roles import Role
from gateway.api.access import needs
from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.model import PluginState


class PluginCollector(Collector):
    """Reads the state of every plugin when it is asked."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("plugway_plugin_up", "1 where the plugin is healthy", labels=["plugin"])
        state = GaugeMetricFamily(
            "plugway_plugin_state", "1 for the state the plugin is in", labels=["plugin", "state"]
        )
        restarts = CounterMetricFamily(
            "plugway_plugin_restarts", "Restarts since the gateway started", labels=["plugin"]
        )
        for record in self._parts.store.plugins():
            status = self._parts.supervisor.status(record.id)
            up.add_metric([record.id], float(status.state is PluginState.HEALTHY))
            for one in PluginState:
                state.add_metric([record.id, one.value], float(status.state is one))
            restarts.add_metric([record.id], status.restarts)
        yield from (up, state, restarts)
        snapshot = self._parts.snapshots.current
        yield GaugeMetricFamily(
            "plugway_snapshot_number", "Number of the routing table", value=snapshot.number
        )
        uptime = time.time() - self._parts.started_at
        yield GaugeMetricFamily("plugway_uptime_seconds", "Time since the gateway started", value=uptime)


def metrics_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["system"])
    # Its own registry, so that two gateways in one process do not meet; what modules
    # registered globally (the process, the data plane) is read along with it.
    registry = CollectorRegistry()
    registry.register(PluginCollector(parts))
    registry.register(_Global())

    @router.get(
        "/metrics",
        operation_id="getMetrics",
        summary="Metrics as OpenMetrics text",
        dependencies=[needs(Role.VIEWER)],
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
        return Response(encode(registry), headers={"content-type": media_type})

    return router


class _Global(Collector):
    def collect(self) -> Iterable[Metric]:
        return REGISTRY.collect()
