"""The gateway's metrics, and how its plugins are, as OpenMetrics text."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from fastapi import APIRouter, Request
from prometheus_client import REGISTRY, CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gateway.api.exposition import Merged, Unreadable, read
from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.model import PluginState
from gateway.supervisor.plugin_metrics import Scrape


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


class _Ready(Collector):
    """Families that were collected beforehand."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def merged(own: Iterable[Metric], scrapes: Sequence[Scrape]) -> list[Metric]:
    """The gateway's metrics, and those of every plugin under its name. Takes long: for a thread.

    The supervisor's own figures are among ``own``; the process and the data plane have registered theirs.
    """
    together = Merged([*own, *REGISTRY.collect()])
    up = GaugeMetricFamily(
        "plugway_scrape_up", "1 where the instance's own metrics were read", labels=["plugin", "instance"]
    )
    problems = GaugeMetricFamily(
        "plugway_scrape_problem", "1 for why they were not", labels=["plugin", "instance", "problem"]
    )
    for scrape in scrapes:
        problem = scrape.problem
        try:
            families = [] if problem else read(scrape.content_type, scrape.text)
        except Unreadable as error:
            families, problem = [], str(error)
        who = {"plugin": scrape.plugin, "release": scrape.release, "instance": scrape.instance}
        together.add(families, who)
        up.add_metric([scrape.plugin, scrape.instance], float(not problem))
        if problem:
            problems.add_metric([scrape.plugin, scrape.instance, problem], 1.0)
    dropped = GaugeMetricFamily(
        "plugway_scrape_dropped_series",
        "Series of the plugin that were left out: too many, twice, or under a name that is taken",
        labels=["plugin"],
    )
    for plugin, number in together.dropped.items():
        dropped.add_metric([plugin], number)
    return [*together, up, problems, dropped]


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
        own, scrapes = plugin_metrics(parts), await parts.supervisor.metrics()

        def text() -> bytes:
            registry = CollectorRegistry(auto_describe=False)
            registry.register(_Ready(merged(own, scrapes)))
            return encode(registry)

        # In a thread, as the process's own figures are read from files, and strangers' texts may be long.
        return Response(await run_in_threadpool(text), headers={"content-type": media_type})

    return router
