"""Reports of a workspace."""

from __future__ import annotations

from typing import Any

from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import new_router
from pydantic import Field

from power_bi.dependencies import After, ItemId, Limit, Reading, Search, WorkspaceId, cut

router = new_router("reports", "/workspaces/{workspace_id}/reports")


class Report(ApiModel):
    """A report."""

    id: str
    name: str
    kind: str = Field(description="PowerBIReport or PaginatedReport.")
    dataset_id: str | None
    web_url: str = Field(description="Where it is in Power BI itself.")


class ReportPage(ApiModel):
    """Some reports in the order of their names."""

    reports: list[Report]
    after: int | None = Field(description="Send it to go on; null at the end.")
    total: int


def report(entry: dict[str, Any]) -> Report:
    return Report(
        id=str(entry.get("id")),
        name=str(entry.get("name") or ""),
        kind=str(entry.get("reportType") or "PowerBIReport"),
        dataset_id=entry.get("datasetId") or None,
        web_url=str(entry.get("webUrl") or ""),
    )


@router.get("")
async def list_reports(
    service: Reading, workspace_id: WorkspaceId, search: Search = "", after: After = 0, limit: Limit = 100
) -> ReportPage:
    """Reports page by page."""
    found = await service.entries(f"/groups/{workspace_id}/reports")
    page, following, total = cut(found, "name", search, after, limit, report)
    return ReportPage(reports=page, after=following, total=total)


@router.get("/{report_id}")
async def read_report(service: Reading, workspace_id: WorkspaceId, report_id: ItemId) -> Report:
    """One of them."""
    return report(await service.get(f"/groups/{workspace_id}/reports/{report_id}"))
