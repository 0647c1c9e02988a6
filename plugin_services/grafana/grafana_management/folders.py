"""Folders, nested where the server has that."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Query
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal, Refused, new_router
from pydantic import Field

from grafana_management.dependencies import (
    Confirm,
    Done,
    FolderUid,
    Limit,
    Page,
    Reading,
    Uid,
    Writing,
    confirmed,
)

router = new_router("folders", "/folders")


class Folder(ApiModel):
    """A folder; ``parent`` is empty at the root."""

    uid: str
    title: str
    parent: str


class FolderPage(ApiModel):
    """Folders directly below one, or below the root."""

    folders: list[Folder]
    more: bool


class FolderDetails(Folder):
    """One folder, with the way to it and what is in it."""

    parents: list[Folder] = Field(description="From the root on.")
    version: int | None
    may_change: bool
    counts: dict[str, int] = Field(description="What goes with it; empty where the server does not tell.")


class NewFolder(ApiModel):
    """A folder to make."""

    title: str = Field(min_length=1, max_length=189)
    parent: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,64}$")


class FolderChange(ApiModel):
    """Another name. Without ``version``, whatever was changed meanwhile is overwritten."""

    title: str = Field(min_length=1, max_length=189)
    version: int | None = None


class FolderPlace(ApiModel):
    """Where to; empty for the root."""

    parent: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,64}$")


def _folder(entry: dict[str, Any]) -> Folder:
    return Folder(
        uid=str(entry["uid"]), title=str(entry.get("title", "")), parent=str(entry.get("parentUid") or "")
    )


@router.get("")
async def list_folders(
    link: Reading, parent: FolderUid = "", page: Page = 1, limit: Limit = 200
) -> FolderPage:
    """Folders page by page."""
    found = await link.get("/api/folders", parentUid=parent, page=page, limit=limit)
    return FolderPage(folders=[_folder(entry) for entry in found], more=len(found) == limit)


async def _counts(link: Reading, uid: str) -> dict[str, int]:
    try:
        found = await link.get(f"/api/folders/{uid}/counts")
    except Refusal:
        return {}
    return {name: count for name, count in found.items() if isinstance(count, int)}


async def _parents(link: Reading, uid: str) -> list[dict[str, Any]]:
    """From the root on."""
    return list((await link.get(f"/api/folders/{uid}")).get("parents") or ())


@router.get("/{uid}")
async def read_folder(link: Reading, uid: Uid) -> FolderDetails:
    """One folder."""
    found, counts = await asyncio.gather(link.get(f"/api/folders/{uid}"), _counts(link, uid))
    return FolderDetails(
        **_folder(found).model_dump(),
        parents=[_folder(entry) for entry in found.get("parents") or ()],
        version=found.get("version"),
        may_change=bool(found.get("canSave")),
        counts=counts,
    )


@router.post("", status_code=201)
async def create_folder(link: Writing, new: NewFolder) -> Folder:
    """Make a folder."""
    body = {"title": new.title} | ({"parentUid": new.parent} if new.parent else {})
    return _folder(await link.send("POST", "/api/folders", body))


@router.put("/{uid}")
async def rename_folder(link: Writing, uid: Uid, change: FolderChange) -> Folder:
    """Give it another name; a conflict where somebody else changed it after ``version``."""
    body: dict[str, Any] = {"title": change.title}
    body |= {"overwrite": True} if change.version is None else {"version": change.version}
    return _folder(await link.send("PUT", f"/api/folders/{uid}", body))


@router.post("/{uid}/move")
async def move_folder(link: Writing, uid: Uid, place: FolderPlace) -> Folder:
    """Put it below another one."""
    if place.parent:
        # Grafana 10.0 answers that with a failure of its own and no reason.
        way = [place.parent, *(one["uid"] for one in await _parents(link, place.parent))]
        if uid in way:
            raise Refused("A folder cannot lie below itself.", hint="Choose another place.")
    return _folder(await link.send("POST", f"/api/folders/{uid}/move", {"parentUid": place.parent}))


@router.delete("/{uid}")
async def delete_folder(
    link: Writing,
    uid: Uid,
    confirm: Confirm,
    rules: Annotated[bool, Query(description="Alert rules in it, too; else they keep it.")] = False,
) -> Done:
    """Delete it with all dashboards in it and below it."""
    confirmed(confirm, str((await link.get(f"/api/folders/{uid}"))["title"]))
    await link.send("DELETE", f"/api/folders/{uid}", forceDeleteRules=str(rules).lower())
    return Done()
