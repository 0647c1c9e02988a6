"""How a plugin may be called: its operator's word, its own, and what holds."""

from __future__ import annotations

from fastapi import APIRouter

from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.api.routes.plugins import PluginPath
from gateway.api.views import LimitsView
from gateway.model import PluginId
from gateway.supervisor.limits import LimitOptions, limits_in_force, options_of, suggested_quotas
from gateway.supervisor.views import limits_of


def limit_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/v1/plugins/{id}/limits", tags=["plugins"])

    @router.get(
        "",
        operation_id="getLimits",
        summary="Show how a plugin may be called",
        responses=responses(404),
    )
    async def get_limits(id: PluginPath) -> LimitsView:  # noqa: A002  the name in the path
        return _view(parts, PluginId(id))

    @router.put(
        "",
        operation_id="setLimits",
        summary="Set how a plugin may be called",
        description="Replaces all that was set. It holds from the next call on.",
        responses=responses(400, 404, 413, 422),
    )
    async def set_limits(id: PluginPath, options: LimitOptions) -> LimitsView:  # noqa: A002
        await parts.lifecycle.limit(parts.store.plugin(PluginId(id)).id, options)
        return _view(parts, PluginId(id))

    return router


def _view(parts: Parts, id_: PluginId) -> LimitsView:
    record = parts.store.plugin(id_)
    limits = limits_in_force(parts.store, id_, limits_of(parts.settings))
    return LimitsView(
        own=LimitOptions.model_validate(record.limits),
        suggested=options_of(suggested_quotas(parts.store, id_)),
        effective=options_of(limits.quotas, limits.max_concurrent),
    )
