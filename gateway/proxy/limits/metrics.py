"""How close the data plane is to its limits, for a prometheus registry."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gateway.registry.circuits import CircuitBoard

_STATES = ("open", "half-open", "held")


class Lags(Protocol):
    """How late a loop was, in seconds, and the share of calls that is refused for it."""

    @property
    def lag(self) -> float: ...
    @property
    def share(self) -> float: ...


class HasRoom(Protocol):
    """How many more calls are taken."""

    @property
    def free(self) -> int: ...


class LimitMetrics(Collector):
    """Instances whose circuit is closed have no series."""

    def __init__(self, lag: Lags, capacity: HasRoom, circuits: CircuitBoard) -> None:
        self._lag = lag
        self._capacity = capacity
        self._circuits = circuits

    @property
    def now(self) -> tuple[int, float, float]:
        """Room for calls, lag in seconds, share of calls that is refused."""
        return self._capacity.free, self._lag.lag, self._lag.share

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
