"""Snapshots: a dashboard with the data of one moment, which whoever has its link may see."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal, new_router
from pydantic import Field

from grafana_management import queries
from grafana_management.dependencies import (
    Confirm,
    Done,
    Limit,
    Page,
    Reading,
    Search,
    Writing,
    confirmed,
    cut,
    matches,
)
from grafana_management.links import Link
from grafana_management.panels import panels
from grafana_management.times import PATTERN, Window, window
from grafana_management.variables import Chosen, choose, variables
from grafana_management.view import whole

router = new_router("snapshots", "/snapshots")
Key = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
MOST = 100_000
"""So many are asked for; Grafana has no pages of snapshots."""


class Snapshot(ApiModel):
    """One snapshot."""

    key: str
    name: str
    created: str | None
    expires: str | None = Field(description="Far away for one that is kept for ever.")
    external: bool


class SnapshotPage(ApiModel):
    """Some snapshots, the newest first."""

    snapshots: list[Snapshot]
    more: bool
    total: int


class NewSnapshot(ApiModel):
    """What to keep: a dashboard as it is over this time, with its variables as they were saved."""

    dashboard: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Its uid.")
    name: str = Field(default="", max_length=200)
    begin: str = Field(default="now-6h", pattern=PATTERN)
    end: str = Field(default="now", pattern=PATTERN)
    expires: int = Field(default=0, ge=0, le=10 * 366 * 86_400, description="Seconds; 0 for never.")


class SnapshotMade(ApiModel):
    """Its key, and the link that works without a login."""

    key: str
    link: str
    problems: list[str] = Field(description="Panels whose data are not in it, and why.")


@router.get("")
async def list_snapshots(
    link: Reading, search: Search = "", page: Page = 1, limit: Limit = 100
) -> SnapshotPage:
    """Snapshots page by page."""
    found = [
        Snapshot(
            key=entry["key"],
            name=entry.get("name", ""),
            created=entry.get("created"),
            expires=entry.get("expires"),
            external=bool(entry.get("external")),
        )
        for entry in await link.get("/api/dashboard/snapshots", limit=MOST)
        # Grafana finds those that are called so, and none of which that is a part.
        if matches(search, entry.get("name", ""))
    ]
    found.sort(key=lambda one: one.created or "", reverse=True)
    shown, more = cut(found, page, limit)
    return SnapshotPage(snapshots=shown, more=more, total=len(found))


@router.post("", status_code=201)
async def create_snapshot(link: Writing, new: NewSnapshot) -> SnapshotMade:
    """Keep a dashboard with its data."""
    dashboard = await whole(link, new.dashboard)
    span = window(new.begin, new.end, datetime.now(UTC))
    kept, problems = await _with_data(link, dashboard, span)
    name = new.name or str(dashboard.get("title", ""))
    body = {"dashboard": kept, "name": name} | ({"expires": new.expires} if new.expires else {})
    made = await link.send("POST", "/api/snapshots", body)
    key = str(made["key"])
    path = f"{link.connection.address.url}/dashboard/snapshot/{key}"
    return SnapshotMade(key=key, link=path, problems=problems)


async def _with_data(link: Link, dashboard: dict[str, Any], span: Window) -> tuple[dict[str, Any], list[str]]:
    """A copy whose panels hold their data in the queries' place, as Grafana's own page keeps them."""
    chosen = choose(variables(dashboard), {})
    problems: list[str] = []
    some = asyncio.Semaphore(4)

    async def keep(panel: Any) -> dict[str, Any]:
        async with some:
            return await _panel(link, panel, chosen, span, problems)

    flat = await asyncio.gather(*(keep(panel) for panel in panels(dashboard)))
    begin, end = (datetime.fromtimestamp(ms / 1000, UTC).isoformat() for ms in (span.begin, span.end))
    times = {"from": begin, "to": end, "raw": {"from": begin, "to": end}}
    kept = {**dashboard, "panels": flat, "time": times, "snapshot": {"timestamp": end}}
    kept.pop("rows", None)
    return kept, sorted(problems)


async def _panel(link: Link, panel: Any, chosen: Chosen, span: Window, problems: list[str]) -> dict[str, Any]:
    model = {**panel.model, "id": panel.id, "targets": [], "datasource": None}
    model.pop("panels", None)
    if panel.kind in ("row", "text"):
        return model
    title = panel.model.get("title") or f"panel {panel.id}"
    try:
        asked, failed = await queries.build(link, panel, chosen, span, 500)
        answer = await link.ask(asked) if asked["queries"] else {"results": {}}
    except Refusal as refusal:
        problems.append(f"{title}: {refusal.detail}")
        return model
    failed |= {name: str(one["error"]) for name, one in answer["results"].items() if one.get("error")}
    problems += [f"{title}: {message}" for message in failed.values()]
    frames = [
        _frame(name, frame) for name, one in answer["results"].items() for frame in one.get("frames") or ()
    ]
    return {**model, "snapshotData": frames}


def _frame(name: str, frame: dict[str, Any]) -> dict[str, Any]:
    schema, values = frame.get("schema") or {}, (frame.get("data") or {}).get("values") or []
    fields = [
        {**field, "values": column} for field, column in zip(schema.get("fields") or (), values, strict=False)
    ]
    return {"refId": name, "name": schema.get("name"), "meta": schema.get("meta"), "fields": fields}


@router.delete("/{key}")
async def delete_snapshot(link: Writing, key: Key, confirm: Confirm) -> Done:
    """Delete it; its link leads nowhere from then on."""
    listed = await link.get("/api/dashboard/snapshots", limit=MOST)
    confirmed(confirm, next((str(entry.get("name", "")) for entry in listed if entry["key"] == key), key))
    await link.send("DELETE", f"/api/snapshots/{key}")
    return Done()
