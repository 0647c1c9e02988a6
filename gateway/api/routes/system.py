"""The gateway itself: what it runs on, whether it lives, whether it can serve."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response

from gateway import __version__
from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.api.system_views import HealthView, ReadyView, RuntimeView, SnapshotView, SystemView
from gateway.errors import PlugwayError


def system_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/v1/system", tags=["system"])

    @router.get(
        "",
        operation_id="getSystem",
        summary="Show the gateway",
        responses=responses(),
    )
    async def get_system() -> SystemView:
        diagnosis = await parts.runtime.diagnose()
        snapshot = parts.snapshots.current
        return SystemView(
            version=__version__,
            runtime=RuntimeView(
                name=parts.runtime.name, reason=parts.runtime_choice, isolation=list(diagnosis.isolation)
            ),
            snapshot=SnapshotView(epoch=snapshot.epoch, number=snapshot.number),
            started_at=datetime.fromtimestamp(parts.started_at, UTC),
        )

    return router


def health_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["system"])

    async def alive() -> HealthView:
        return HealthView(status="ok")

    async def ready(response: Response) -> ReadyView:
        reason = await _not_ready(parts)
        if reason:
            response.status_code = 503
            response.headers["retry-after"] = "1"
        return ReadyView(ready=not reason, reason=reason)

    not_ready: dict[int | str, dict[str, Any]] = {
        503: {"model": ReadyView, "description": "Not ready; `reason` says why."}
    }
    router.add_api_route("/healthz", alive, operation_id="getHealth", summary="Whether the process lives")
    router.add_api_route("/healthz", alive, methods=["HEAD"], include_in_schema=False)
    router.add_api_route(
        "/readyz",
        ready,
        operation_id="getReadiness",
        summary="Whether calls can be served",
        responses=not_ready,
    )
    router.add_api_route("/readyz", ready, methods=["HEAD"], include_in_schema=False)
    return router


async def _not_ready(parts: Parts) -> str:
    # An empty table is never published, and complete where nothing is installed.
    if parts.snapshots.current.number == 0 and parts.store.plugins():
        return "The first routing table is not published yet."
    try:
        await parts.store.ping()
    except PlugwayError as error:
        return error.title
    return ""
