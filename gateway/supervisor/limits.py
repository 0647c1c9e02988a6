"""What an operator may say of how a plugin is called, and what holds with the plugin's own word."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.call_limits import Limits, Quotas, Rate, RouteQuota
from gateway.model import PluginId, ReleaseId
from gateway.registry.records import PluginRecord, ReleaseRecord

_MOST_ROUTES = 100


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class RateOption(_Part):
    """``burst`` calls at once and ``perSecond`` in the long run; without a burst, what a second allows."""

    per_second: float = Field(gt=0, le=1e6, allow_inf_nan=False)
    burst: int | None = Field(default=None, ge=1, le=1_000_000)


class RouteOption(_Part):
    """For calls to a path and those below it; a segment in braces stands for any. No figure: no limit."""

    path: str = Field(pattern=r"^/[!-~]*$", max_length=500, examples=["/import"])
    methods: list[str] = Field(default=[], max_length=10)
    rate: RateOption | None = None
    concurrent: int | None = Field(default=None, ge=1, le=1_000_000)


class LimitOptions(_Part):
    """Limits of one plugin. What is left out comes from the plugin's manifest, then from the gateway."""

    rate: RateOption | None = None
    concurrent: int | None = Field(default=None, ge=1, le=1_000_000, description="Calls that run at once.")
    user_rate: RateOption | None = Field(default=None, description="For each user.")
    user_concurrent: int | None = Field(default=None, ge=1, le=1_000_000, description="Of each user.")
    routes: list[RouteOption] = Field(
        default=[],
        max_length=2 * _MOST_ROUTES,
        description="The first that matches counts, beside the others.",
    )


class Knows(Protocol):
    """The part of the registry that is asked."""

    def plugin(self, plugin_id: PluginId, /) -> PluginRecord: ...
    def release(self, release_id: ReleaseId, /) -> ReleaseRecord: ...


def own_quotas(record: PluginRecord) -> Quotas:
    """What the operator said."""
    said = LimitOptions.model_validate(record.limits)
    return Quotas(
        rate=_rate(said.rate),
        concurrent=said.concurrent,
        user_rate=_rate(said.user_rate),
        user_concurrent=said.user_concurrent,
        routes=tuple(
            RouteQuota(
                path=route.path,
                methods=frozenset(method.upper() for method in route.methods),
                rate=_rate(route.rate),
                concurrent=route.concurrent,
            )
            for route in said.routes
        ),
    )


def suggested_quotas(store: Knows, plugin: PluginId) -> Quotas:
    """What the release in use suggests."""
    manifest = store.release(store.plugin(plugin).release_id).manifest
    return manifest.quotas if manifest else Quotas()


def limits_in_force(store: Knows, plugin: PluginId, base: Limits) -> Limits:
    """What holds for a plugin. Its own word only lowers the number of calls, its operator's may raise it."""
    own, suggested = own_quotas(store.plugin(plugin)), suggested_quotas(store, plugin)
    most = own.concurrent or min(base.max_concurrent, suggested.concurrent or base.max_concurrent)
    return replace(base, max_concurrent=most, quotas=together(own, suggested))


def options_of(quotas: Quotas, concurrent: int | None = None) -> LimitOptions:
    """The same as the API says it; ``concurrent`` goes before that of the quotas."""
    return LimitOptions(
        rate=_option(quotas.rate),
        concurrent=concurrent or quotas.concurrent,
        user_rate=_option(quotas.user_rate),
        user_concurrent=quotas.user_concurrent,
        routes=[
            RouteOption(
                path=route.path,
                methods=sorted(route.methods),
                rate=_option(route.rate),
                concurrent=route.concurrent,
            )
            for route in quotas.routes
        ],
    )


def together(own: Quotas, suggested: Quotas) -> Quotas:
    """The operator's word where there is one, else the plugin's; but for the calls that run. Pure."""
    said = {(route.path, route.methods) for route in own.routes}
    routes = [*own.routes, *(r for r in suggested.routes if (r.path, r.methods) not in said)]
    return Quotas(
        rate=own.rate or suggested.rate,
        user_rate=own.user_rate or suggested.user_rate,
        user_concurrent=own.user_concurrent or suggested.user_concurrent,
        routes=tuple(routes[: 2 * _MOST_ROUTES]),
    )


def _rate(said: RateOption | None) -> Rate | None:
    if said is None:
        return None
    return Rate(per_second=said.per_second, burst=said.burst or max(1, math.ceil(said.per_second)))


def _option(rate: Rate | None) -> RateOption | None:
    return RateOption(per_second=rate.per_second, burst=rate.burst) if rate else None
