"""How close the data plane is to its limits, for a prometheus registry."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gateway.proxy.limits.overload import Capacity, LoopLag
from gateway.registry.circuits import CircuitBoard

_STATES = ("open", "half-open", "held")


class LimitMetrics(Collector):
    """Instances whose circuit is closed have no series."""

    def __init__(self, lag: LoopLag, capacity: Capacity, circuits: CircuitBoard) -> None:
        self._lag = lag
        self._capacity = capacity
        self._circuits = circuits

    def collect(self) -> Iterator[Metric]:
        room = "Calls that the gateway could take beside those that run."
        yield GaugeMetricFamily("plugway_calls_free", room, value=self._capacity.free)
        yield GaugeMetricFamily(
            "plugway_loop_lag_seconds", "How late the event loop was, last.", value=self._lag.lag
        )
        yield GaugeMetricFamily(
            "plugway_shed_ratio", "Share of the calls refused as the loop lags.", value=self._lag.share
        )
        state = GaugeMetricFamily(
            "plugway_instance_circuit",
            "1 for the state of an instance that is out, or would be were it not the last.",
            labels=["plugin", "instance", "state"],
        )
        now = time.time()
        for report in self._circuits.all():
            shown = report.state_at(now)
            for one in _STATES:
                state.add_metric([report.plugin, report.instance, one], float(one == shown))
        yield state
        taken_out = CounterMetricFamily(
            "plugway_ejections", "How often an instance was taken out.", labels=["plugin"]
        )
        for plugin, number in self._circuits.ejections.items():
            taken_out.add_metric([plugin], number)
        yield taken_out
