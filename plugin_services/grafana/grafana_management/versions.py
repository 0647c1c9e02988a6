"""Versions of a dashboard: list, what changed since, and back to one."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Path
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Conflict, new_router
from pydantic import Field

from grafana_management.changes import Change, changes
from grafana_management.dashboards import model
from grafana_management.dependencies import Limit, Reading, Uid, Writing
from grafana_management.importing import Imported

router = new_router("versions", "/dashboards/{uid}/versions")
VersionNumber = Annotated[int, Path(ge=1)]
SHOWN = 200


class Version(ApiModel):
    """One saved state."""

    version: int
    created: str
    created_by: str
    message: str
    restored_from: int = Field(description="0 where it is none of an older one.")


class VersionPage(ApiModel):
    """Some versions, the newest first."""

    versions: list[Version]
    more: bool
    current: int


class Comparison(ApiModel):
    """What is different now; not the numbers that each version has of its own."""

    version: int
    current: int
    changes: list[Change]
    more: int = Field(description="How many changes are not listed.")


@router.get("")
async def list_versions(link: Reading, uid: Uid, start: int = 0, limit: Limit = 50) -> VersionPage:
    """Versions, after ``start`` of them."""
    found, (dashboard, _) = await asyncio.gather(
        link.get(f"/api/dashboards/uid/{uid}/versions", start=start, limit=limit), model(link, uid)
    )
    # Until Grafana 10 it was the list itself.
    entries: list[dict[str, Any]] = found["versions"] if isinstance(found, dict) else found
    versions = [
        Version(
            version=entry["version"],
            created=entry.get("created", ""),
            created_by=entry.get("createdBy") or "",
            message=entry.get("message") or "",
            restored_from=entry.get("restoredFrom") or 0,
        )
        for entry in entries
    ]
    return VersionPage(
        versions=versions, more=len(versions) == limit, current=int(dashboard.get("version") or 0)
    )


@router.get("/{version}")
async def compare_version(link: Reading, uid: Uid, version: VersionNumber) -> Comparison:
    """What has been changed since that version."""
    found, (dashboard, _) = await asyncio.gather(
        link.get(f"/api/dashboards/uid/{uid}/versions/{version}"), model(link, uid)
    )
    told = changes(found["data"], dashboard)
    return Comparison(
        version=version,
        current=int(dashboard.get("version") or 0),
        changes=told[:SHOWN],
        more=max(0, len(told) - SHOWN),
    )


class Restoration(ApiModel):
    """Which version is in force while somebody decides; another one by then is a conflict."""

    current: int = Field(ge=1)


@router.post("/{version}/restore")
async def restore_version(
    link: Writing, uid: Uid, version: VersionNumber, restoration: Restoration
) -> Imported:
    """Make that state the newest version; nothing is lost by it."""
    dashboard, _ = await model(link, uid)
    if dashboard.get("version") != restoration.current:
        raise Conflict(
            "Somebody else has changed it meanwhile.", hint="Load the versions again, and look at the newest."
        )
    made = await link.send("POST", f"/api/dashboards/uid/{uid}/restore", {"version": version})
    return Imported(uid=uid, version=int(made.get("version") or 0))
