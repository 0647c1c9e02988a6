"""Reading the limits that a plugin suggests for itself."""

from __future__ import annotations

import math

from plugway.plugin.v1 import manifest_pb2

from gateway.call_limits import Quotas, Rate, RouteQuota
from gateway.contract.errors import GarbageAnswer

_MOST_ROUTES = 100
_FASTEST = 1e6


def read_limits(said: manifest_pb2.SuggestedLimits) -> Quotas:
    """Raises :class:`GarbageAnswer`."""
    if len(said.routes) > _MOST_ROUTES:
        raise GarbageAnswer(f"Its manifest suggests limits for more than {_MOST_ROUTES} routes.")
    return Quotas(
        rate=_rate(said.rate) if said.HasField("rate") else None,
        concurrent=said.concurrent or None,
        user_rate=_rate(said.user_rate) if said.HasField("user_rate") else None,
        user_concurrent=said.user_concurrent or None,
        routes=tuple(_route(route) for route in said.routes),
    )


def _route(said: manifest_pb2.RouteLimit) -> RouteQuota:
    if not said.path.startswith("/"):
        raise GarbageAnswer(f"Its manifest suggests a limit for {said.path!r}, which is no path.")
    return RouteQuota(
        path=said.path,
        methods=frozenset(method.upper() for method in said.methods),
        rate=_rate(said.rate) if said.HasField("rate") else None,
        concurrent=said.concurrent or None,
    )


def _rate(said: manifest_pb2.Rate) -> Rate:
    if not 0 < said.per_second <= _FASTEST:
        raise GarbageAnswer(f"Its manifest suggests the rate {said.per_second}, which is none.")
    return Rate(per_second=said.per_second, burst=said.burst or max(1, math.ceil(said.per_second)))
