"""Takes instances out whose calls fail one after another, and tries them again later."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gateway.model import PluginId
from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.limits.circuit import Circuit, State
from gateway.registry.boards import OutcomeBoard
from gateway.registry.circuits import CircuitBoard, CircuitReport

if TYPE_CHECKING:
    from gateway.proxy.prepared import PreparedTarget
    from gateway.proxy.upstream import Upstream


def least_busy(upstreams: Sequence[Upstream]) -> Upstream:
    """Who takes the next call: the least busy that is not out; one that is due is tried first.

    Where all are out, each is as good as the others.
    """
    now, able = 0.0, []
    for upstream in upstreams:
        circuit = upstream.circuit
        if circuit is None or not circuit.out:
            able.append(upstream)
            continue
        now = now or time.perf_counter()
        if circuit.due(now):
            circuit.probe(now)
            return upstream
    return min(able or upstreams, key=lambda upstream: upstream.active)


class Outliers:
    """Hears how every call ended; passes it on to the supervisor's board.

    Only what failed below HTTP counts. A plugin's own 500 says nothing about its instance: the others
    run the same code.
    """

    def __init__(self, outcomes: OutcomeBoard, board: CircuitBoard) -> None:
        self._outcomes = outcomes
        self._board = board

    def ok(self, target: PreparedTarget, upstream: Upstream, began: float) -> None:
        """A call that began at ``began`` (perf_counter) was answered."""
        self._outcomes.ok(upstream.instance_id)
        circuit = upstream.circuit
        if circuit is None:
            return
        now = time.perf_counter()
        if circuit.succeeded(began, now):
            self._tell(target, upstream, circuit, now)
        if not circuit.times and not circuit.failures:
            upstream.circuit = None

    def failed(self, target: PreparedTarget, upstream: Upstream, began: float, why: CallFailed) -> None:
        """It was not. An instance that drains refuses by right."""
        self._outcomes.failed(upstream.instance_id, why.words)
        if why.failure is Failure.REFUSED and not why.away:
            return
        now = time.perf_counter()
        circuit = upstream.circuit = upstream.circuit or Circuit()
        others = (other.circuit for other in target.upstreams if other is not upstream)
        last = not any(other is None or not other.out for other in others)
        if circuit.failed(began, now, why.words, last=last):
            self._tell(target, upstream, circuit, now)

    def forget(self, upstream: Upstream) -> None:
        self._board.forget(upstream.instance_id, upstream.endpoint.incarnation)

    def _tell(self, target: PreparedTarget, upstream: Upstream, circuit: Circuit, now: float) -> None:
        state = circuit.state(now)
        out = state is State.OPEN
        self._board.report(
            CircuitReport(
                plugin=PluginId(target.plugin),
                instance=upstream.instance_id,
                incarnation=upstream.endpoint.incarnation,
                state=state.value,
                reason=circuit.reason,
                until=time.time() + circuit.until - now if out else 0.0,
                times=circuit.times,
            )
        )
