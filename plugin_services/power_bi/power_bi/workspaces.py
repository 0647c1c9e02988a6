"""Workspaces, which the API calls groups."""

from __future__ import annotations

from typing import Any

from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import NotFound, new_router
from pydantic import Field

from power_bi.dependencies import After, Limit, Reading, Search, WorkspaceId

router = new_router("workspaces", "/workspaces")


class Workspace(ApiModel):
    """One that the service principal is a member of."""

    id: str
    name: str
    capacity: bool = Field(description="On a capacity of its own, which refreshes more often and by tables.")
    read_only: bool = Field(description="The service principal may only look at it.")


class WorkspacePage(ApiModel):
    """Some workspaces, in the order that the service has them."""

    workspaces: list[Workspace]
    after: int | None = Field(description="Send it to go on; null at the end.")


def workspace(entry: dict[str, Any]) -> Workspace:
    return Workspace(
        id=str(entry.get("id")),
        name=str(entry.get("name") or ""),
        capacity=bool(entry.get("isOnDedicatedCapacity")),
        read_only=bool(entry.get("isReadOnly")),
    )


@router.get("")
async def list_workspaces(
    service: Reading, search: Search = "", after: After = 0, limit: Limit = 100
) -> WorkspacePage:
    """Workspaces page by page; the service itself cuts the pages and searches."""
    # One more than is shown tells whether there are more.
    query: dict[str, str | int] = {"top": limit + 1, "skip": after}
    if search:
        query["filter"] = f"contains(name,'{search.replace(chr(39), chr(39) * 2)}')"
    found = await service.entries("/groups", query)
    more = len(found) > limit
    return WorkspacePage(
        workspaces=[workspace(one) for one in found[:limit]], after=after + limit if more else None
    )


@router.get("/{workspace_id}")
async def read_workspace(service: Reading, workspace_id: WorkspaceId) -> Workspace:
    """One of them."""
    found = await service.entries("/groups", {"filter": f"id eq '{workspace_id}'", "top": 1})
    if not found:
        raise NotFound("There is no such workspace.", hint="It may be gone: load the list again.")
    return workspace(found[0])
