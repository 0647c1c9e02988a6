"""Calls that failed, tried once more where that is safe, and by another instance where there is one."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.proxy.access import Doorman
from gateway.proxy.call import Call
from gateway.proxy.counters import CallMetrics
from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.limits.outliers import Outliers
from gateway.proxy.reroute import Place, RouteOf, elsewhere
from gateway.proxy.retries import may_retry

T = TypeVar("T")
C = TypeVar("C", bound=Call)


class Attempts:
    """Tells the outliers how each one ended."""

    def __init__(self, doorman: Doorman, outliers: Outliers, route_of: RouteOf, metrics: CallMetrics) -> None:
        self._prove = doorman.prove
        self._outliers = outliers
        self._route_of = route_of
        self._metrics = metrics

    async def tried(self, call: C, ask: Callable[[C], Awaitable[T]]) -> T:
        """What ``ask`` gives, tried again where that is safe; raises :class:`CallFailed`."""
        try:
            answer = await ask(call)
        except CallFailed as failed:
            self._outliers.failed(call.target, call.upstream, call.started, failed)
            if not may_retry(failed, call.method) or not self.go_elsewhere(call, failed):
                raise
            began = time.perf_counter()
            try:
                answer = await ask(call)
            except CallFailed as again:
                self._outliers.failed(call.target, call.upstream, began, again)
                raise
        self._outliers.ok(call.target, call.upstream, call.started)
        call.route.budget.earn()
        return answer

    def go_elsewhere(self, call: Call, failed: CallFailed) -> bool:
        """Move the call to another instance; where nobody else is there, it stays for a second try.

        Says whether it may be tried: a refused one has been no work to anybody, so another instance
        takes it at no cost; anything else is paid from the budget.
        """
        found = self.elsewhere(call)
        free = found is not None and failed.failure is Failure.REFUSED
        if not free and not call.route.budget.spend():
            return False
        self._metrics.retry(call.route.route.plugin_id)
        if call.spans is not None:
            call.spans.retried(failed.failure.value, call.upstream.instance_id)
        if found is not None:
            self.move(call, found)
        return True

    def move(self, call: Call, place: Place) -> None:
        """Another instance takes it from here on."""
        call.move(*place)
        # What proves who calls holds for one release only.
        context, release = call.message.request.context, call.target.target.release_id
        self._prove(context, call.route.route.plugin_id, release)

    def elsewhere(self, call: Call) -> Place | None:
        """Who else would take it; None where nobody would."""
        tried, path = (call.target, call.upstream), call.message.request.path
        found = elsewhere(self._route_of, call.route, tried, call.head, call.method, path)
        return found if found is None or call.may_move(found[0]) else None
