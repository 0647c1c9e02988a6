"""Dashboards of a workspace and their tiles."""

from __future__ import annotations

from typing import Any

from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import new_router
from pydantic import Field

from power_bi.dependencies import After, ItemId, Limit, Reading, Search, WorkspaceId, cut

router = new_router("dashboards", "/workspaces/{workspace_id}/dashboards")


class Dashboard(ApiModel):
    """A dashboard."""

    id: str
    name: str
    read_only: bool
    web_url: str = Field(description="Where it is in Power BI itself; empty where the service does not tell.")


class DashboardPage(ApiModel):
    """Some dashboards in the order of their names."""

    dashboards: list[Dashboard]
    after: int | None = Field(description="Send it to go on; null at the end.")
    total: int


class Tile(ApiModel):
    """A tile of a dashboard."""

    id: str
    title: str
    report_id: str | None
    dataset_id: str | None


class TilePage(ApiModel):
    """Some tiles in the order of their titles."""

    tiles: list[Tile]
    after: int | None = Field(description="Send it to go on; null at the end.")
    total: int


def _dashboard(entry: dict[str, Any]) -> Dashboard:
    return Dashboard(
        id=str(entry.get("id")),
        name=str(entry.get("displayName") or ""),
        read_only=bool(entry.get("isReadOnly")),
        web_url=str(entry.get("webUrl") or ""),
    )


def _tile(entry: dict[str, Any]) -> Tile:
    return Tile(
        id=str(entry.get("id")),
        title=str(entry.get("title") or ""),
        report_id=entry.get("reportId") or None,
        dataset_id=entry.get("datasetId") or None,
    )


@router.get("")
async def list_dashboards(
    service: Reading, workspace_id: WorkspaceId, search: Search = "", after: After = 0, limit: Limit = 100
) -> DashboardPage:
    """Dashboards page by page."""
    found = await service.entries(f"/groups/{workspace_id}/dashboards")
    page, following, total = cut(found, "displayName", search, after, limit, _dashboard)
    return DashboardPage(dashboards=page, after=following, total=total)


@router.get("/{dashboard_id}/tiles")
async def list_tiles(
    service: Reading,
    workspace_id: WorkspaceId,
    dashboard_id: ItemId,
    search: Search = "",
    after: After = 0,
    limit: Limit = 100,
) -> TilePage:
    """The tiles of one of them, page by page."""
    found = await service.entries(f"/groups/{workspace_id}/dashboards/{dashboard_id}/tiles")
    page, following, total = cut(found, "title", search, after, limit, _tile)
    return TilePage(tiles=page, after=following, total=total)
