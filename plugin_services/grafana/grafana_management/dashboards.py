"""Dashboards: search, what one is, export, delete."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

from fastapi import Query, Response
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import new_router
from pydantic import Field

from grafana_management.dependencies import (
    Confirm,
    Done,
    FolderUid,
    Limit,
    Page,
    Reading,
    Search,
    Uid,
    Writing,
    confirmed,
)
from grafana_management.links import Link

router = new_router("dashboards", "/dashboards")


class DashboardEntry(ApiModel):
    """A dashboard as the search finds it."""

    uid: str
    title: str
    tags: list[str]
    folder: str = Field(description="The folder's uid; empty at the root.")
    folder_title: str


class DashboardPage(ApiModel):
    """Some dashboards, in the server's order."""

    dashboards: list[DashboardEntry]
    more: bool


class Tag(ApiModel):
    """A tag, and how many dashboards have it."""

    name: str
    count: int


class Tags(ApiModel):
    """All tags."""

    tags: list[Tag]


class DashboardDetails(ApiModel):
    """What is known of one beside its panels."""

    uid: str
    title: str
    description: str
    tags: list[str]
    folder: str
    folder_title: str
    version: int
    created: str | None
    created_by: str
    updated: str | None
    updated_by: str
    provisioned: bool = Field(description="It comes from a file on the server, and changes only there.")
    may_change: bool
    panels: int


async def model(link: Link, uid: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The dashboard's own JSON, and what the server knows of it."""
    found = await link.get(f"/api/dashboards/uid/{uid}")
    return found["dashboard"], found.get("meta") or {}


@router.get("")
async def search_dashboards(
    link: Reading,
    search: Search = "",
    tag: Annotated[list[str] | None, Query(max_length=20, description="All of them.")] = None,
    folder: FolderUid = "",
    page: Page = 1,
    limit: Limit = 100,
) -> DashboardPage:
    """Dashboards page by page, of all folders or of one."""
    found = await link.get(
        "/api/search",
        type="dash-db",
        query=search,
        tag=tag or None,
        folderUIDs=folder,
        page=page,
        limit=limit,
    )
    entries = [
        DashboardEntry(
            uid=entry["uid"],
            title=entry.get("title", ""),
            tags=entry.get("tags") or [],
            folder=entry.get("folderUid") or "",
            folder_title=entry.get("folderTitle") or "",
        )
        for entry in found
    ]
    return DashboardPage(dashboards=entries, more=len(found) == limit)


@router.get("/tags")
async def list_tags(link: Reading) -> Tags:
    """What dashboards are tagged with, the most frequent first."""
    found = await link.get("/api/dashboards/tags")
    tags = [Tag(name=entry["term"], count=entry["count"]) for entry in found]
    return Tags(tags=sorted(tags, key=lambda tag: (-tag.count, tag.name)))


@router.get("/{uid}")
async def read_dashboard(link: Reading, uid: Uid) -> DashboardDetails:
    """One dashboard."""
    dashboard, meta = await model(link, uid)
    return DashboardDetails(
        uid=uid,
        title=dashboard.get("title", ""),
        description=dashboard.get("description") or "",
        tags=dashboard.get("tags") or [],
        folder=meta.get("folderUid") or "",
        folder_title=meta.get("folderTitle") or "",
        version=int(dashboard.get("version") or meta.get("version") or 0),
        created=meta.get("created"),
        created_by=meta.get("createdBy") or "",
        updated=meta.get("updated"),
        updated_by=meta.get("updatedBy") or "",
        provisioned=bool(meta.get("provisioned")),
        may_change=bool(meta.get("canSave")) and not meta.get("provisioned"),
        panels=len(dashboard.get("panels") or ()),
    )


@router.get(
    "/{uid}/export", responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}}
)
async def export_dashboard(link: Reading, uid: Uid) -> Response:
    """The dashboard's JSON as a file, which any Grafana takes as a new dashboard."""
    dashboard, _ = await model(link, uid)
    # With a number of its own it could only go back to where it came from.
    content = json.dumps({**dashboard, "id": None}, indent=2, ensure_ascii=False)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", str(dashboard.get("title", uid))).strip("-.") or uid
    disposition = f'attachment; filename="{name[:80]}.json"'
    return Response(content, media_type="application/json", headers={"content-disposition": disposition})


@router.delete("/{uid}")
async def delete_dashboard(link: Writing, uid: Uid, confirm: Confirm) -> Done:
    """Delete it with its versions."""
    dashboard, _ = await model(link, uid)
    confirmed(confirm, str(dashboard.get("title", "")))
    await link.send("DELETE", f"/api/dashboards/uid/{uid}")
    return Done()
