"""A dashboard as the page draws it: its panels, and the data of each."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import NotFound, Refusal, new_router
from pydantic import Field

from grafana_management import frames, queries
from grafana_management.dashboards import model
from grafana_management.dependencies import UID, Reading, Uid
from grafana_management.links import Link
from grafana_management.panels import Panel, panels
from grafana_management.times import PATTERN, Window, window
from grafana_management.variables import choose, variables

router = new_router("view", "/dashboards/{uid}")
Moment = Annotated[str, Query(pattern=PATTERN, description="now, now-6h, now/d, or milliseconds since 1970.")]
Chosen = Annotated[
    list[str] | None, Query(max_length=200, description="name=value; several values: several times.")
]


class PanelView(ApiModel):
    """One panel, without its data."""

    id: int
    title: str
    description: str
    type: str = Field(description="Grafana's own name of it.")
    kind: str = Field(description="plot, figure, table, text, row, or other: not drawn here.")
    x: int
    y: int
    width: int = Field(description="Of 24 columns.")
    height: int
    unit: str
    decimals: int | None
    text: str
    notes: list[str]


class VariableView(ApiModel):
    """One variable and what can be chosen."""

    name: str
    label: str
    options: dict[str, str]
    chosen: list[str]
    several: bool


class View(ApiModel):
    """All but data."""

    uid: str
    title: str
    begin: str
    end: str
    refresh: int = Field(description="Seconds; 0 for never.")
    panels: list[PanelView]
    variables: list[VariableView]


class QueryProblem(ApiModel):
    """Why a query gave nothing."""

    query: str
    message: str


class PanelData(ApiModel):
    """One panel's data."""

    begin: int = Field(description="Milliseconds since 1970.")
    end: int
    series: list[frames.Series]
    tables: list[frames.Table]
    problems: list[QueryProblem]
    left_off: int = Field(description="How many series or tables are more than a page can draw.")


def panel_view(panel: Panel) -> PanelView:
    x, y, width, height = panel.place
    return PanelView(
        id=panel.id,
        title=str(panel.model.get("title") or ""),
        description=str(panel.model.get("description") or ""),
        type=panel.type,
        kind=panel.kind,
        x=x,
        y=y,
        width=width,
        height=height,
        unit=panel.unit,
        decimals=panel.decimals,
        text=panel.text if panel.kind == "text" else "",
        notes=panel.notes,
    )


async def whole(link: Link, uid: str) -> dict[str, Any]:
    """The dashboard with its library panels in their places."""

    async def read() -> dict[str, Any]:
        dashboard, _ = await model(link, uid)
        entries = dashboard.get("panels") or []
        dashboard["panels"] = await asyncio.gather(*(_library(link, entry) for entry in entries))
        return dashboard

    found: dict[str, Any] = await link.server.recent.get((link.organisation, uid), read)
    return found


async def _library(link: Link, entry: dict[str, Any]) -> dict[str, Any]:
    uid = str((entry.get("libraryPanel") or {}).get("uid") or "")
    # Whoever may save a dashboard writes this, and it becomes part of a path.
    if not re.fullmatch(UID, uid) or entry.get("type") not in (None, "", "library-panel-ref"):
        return entry
    try:
        element = await link.get(f"/api/library-elements/{uid}")
    except Refusal:
        return entry
    return {**element["result"]["model"], "id": entry.get("id"), "gridPos": entry.get("gridPos")}


@router.get("/view")
async def view_dashboard(link: Reading, uid: Uid) -> View:
    """Panels, variables and the range of time that the dashboard was saved with."""
    dashboard = await whole(link, uid)
    times = dashboard.get("time") or {}
    shown = [variable for variable in variables(dashboard) if not variable.hidden]
    return View(
        uid=uid,
        title=str(dashboard.get("title", "")),
        begin=str(times.get("from") or "now-6h"),
        end=str(times.get("to") or "now"),
        refresh=queries.seconds(dashboard.get("refresh")),
        panels=[panel_view(panel) for panel in panels(dashboard)],
        variables=[
            VariableView(
                name=one.name,
                label=one.label,
                options=dict(one.options),
                chosen=list(one.chosen),
                several=one.several,
            )
            for one in shown
        ],
    )


@router.get("/panels/{panel}/data")
async def read_panel(
    link: Reading,
    uid: Uid,
    panel: Annotated[int, Path(ge=0)],
    begin: Moment = "now-6h",
    end: Moment = "now",
    points: Annotated[int, Query(ge=10, le=2000, description="About so many for each series.")] = 500,
    var: Chosen = None,
) -> PanelData:
    """The data of one panel, by the queries that it was saved with."""
    dashboard = await whole(link, uid)
    found = next((one for one in panels(dashboard) if one.id == panel), None)
    if found is None:
        raise NotFound("The dashboard has no such panel.", hint="It was changed meanwhile: load it again.")
    wanted: dict[str, list[str]] = {}
    for text in var or ():
        name, _, value = text.partition("=")
        wanted.setdefault(name, []).append(value)
    span = window(begin, end, datetime.now(UTC))
    chosen = choose(variables(dashboard), wanted)
    asked, problems = await queries.build(link, found, chosen, span, points)
    answer = await link.ask(asked) if asked["queries"] else {"results": {}}
    return _data(found, answer, span, points, problems)


def _data(
    panel: Panel, answer: dict[str, Any], span: Window, points: int, problems: dict[str, str]
) -> PanelData:
    series: list[frames.Series] = []
    tables: list[frames.Table] = []
    for name, result in answer["results"].items():
        if error := result.get("error"):
            problems[name] = str(error)[:600]
        for frame in frames.frames(result):
            if panel.kind in ("table", "other"):
                tables.append(frames.table(frame))
            else:
                series += frames.series(frame, points, panel.calculation)
    left_off = max(0, len(series) - frames.SERIES) + max(0, len(tables) - frames.TABLES)
    told = [QueryProblem(query=name, message=message) for name, message in sorted(problems.items())]
    return PanelData(
        begin=span.begin,
        end=span.end,
        series=series[: frames.SERIES],
        tables=tables[: frames.TABLES],
        problems=told,
        left_off=left_off,
    )
