"""How a plugin did over time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.api.routes.plugins import PluginPath
from gateway.figures.history import STRIDE, Point
from gateway.model import PluginId, PluginState


class _View(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class FigureView(_View):
    """One span of time."""

    at: datetime = Field(description="When the span ended.")
    calls: int = Field(description="Calls that were answered in it.")
    errors: int = Field(description="Those of them that were answered with 5xx.")
    median_ms: float = Field(description="Milliseconds until half of the answers began; 0 without calls.")
    p99_ms: float = Field(description="Milliseconds until 99 of 100 answers began; 0 without calls.")
    state: PluginState = Field(description="The worst state that the plugin was seen in.")


class FiguresView(_View):
    """Spans of one length, oldest first; they begin with the gateway's start."""

    step_seconds: float = Field(description="Length of a span.")
    points: list[FigureView]


def figure_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/v1/plugins/{id}/figures", tags=["plugins"])

    @router.get(
        "",
        operation_id="getFigures",
        summary="Show rate, errors, latency and health of a plugin over time",
        description="Kept in memory: they begin anew with the gateway. For longer, scrape /metrics.",
        responses=responses(404, 422),
    )
    async def get_figures(
        id: PluginPath,  # noqa: A002  the name in the path
        span: Annotated[Literal["hour", "day"], Query(description="How far to look back.")] = "hour",
    ) -> FiguresView:
        plugin = parts.store.plugin(PluginId(id)).id
        step = parts.settings.figures_step
        if span == "hour":
            return FiguresView(step_seconds=step, points=_points(parts.history.fine(plugin)))
        return FiguresView(step_seconds=step * STRIDE, points=_points(parts.history.coarse(plugin)))

    return router


def _points(points: list[Point]) -> list[FigureView]:
    return [
        FigureView(
            at=datetime.fromtimestamp(point.at, UTC),
            calls=round(point.calls),
            errors=round(point.errors),
            median_ms=round(point.median * 1000, 3),
            p99_ms=round(point.p99 * 1000, 3),
            state=point.state,
        )
        for point in points
    ]
