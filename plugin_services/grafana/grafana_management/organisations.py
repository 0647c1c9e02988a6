"""Organisations: all of them for a server administrator, else the one of the login."""

from __future__ import annotations

from typing import Any

from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal, new_router
from pydantic import Field

from grafana_management.dependencies import (
    Confirm,
    Done,
    Limit,
    Number,
    Page,
    Reading,
    Search,
    Writing,
    confirmed,
)

router = new_router("organisations", "/organisations")
_UNSEEN = ("not-allowed", "login-refused", "not-found")


class OrganisationView(ApiModel):
    """One organisation."""

    id: int
    name: str


class OrganisationPage(ApiModel):
    """Some organisations, or the one that this login belongs to."""

    organisations: list[OrganisationView]
    more: bool
    all: bool = Field(description="Whether this login sees all of them.")
    current: int = Field(description="The one that calls without a choice are about.")


class OrganisationName(ApiModel):
    """Its name."""

    name: str = Field(min_length=1, max_length=190)


def _view(entry: dict[str, Any]) -> OrganisationView:
    return OrganisationView(id=int(entry["id"]), name=str(entry["name"]))


@router.get("")
async def list_organisations(
    link: Reading, search: Search = "", page: Page = 1, limit: Limit = 100
) -> OrganisationPage:
    """Organisations page by page."""
    current = _view(await link.get("/api/org"))
    try:
        # Grafana counts these pages from 0.
        found = await link.get("/api/orgs", query=search, page=page - 1, perpage=limit)
    except Refusal as refusal:
        if refusal.key not in _UNSEEN:
            raise
        return OrganisationPage(organisations=[current], more=False, all=False, current=current.id)
    views = [_view(entry) for entry in found]
    return OrganisationPage(organisations=views, more=len(views) == limit, all=True, current=current.id)


@router.post("", status_code=201)
async def create_organisation(link: Writing, new: OrganisationName) -> OrganisationView:
    """Make one; the login becomes its administrator."""
    made = await link.send("POST", "/api/orgs", {"name": new.name})
    return OrganisationView(id=int(made["orgId"]), name=new.name)


@router.put("/{number}")
async def rename_organisation(link: Writing, number: Number, new: OrganisationName) -> Done:
    """Give it another name."""
    await link.send("PUT", f"/api/orgs/{number}", {"name": new.name})
    return Done()


@router.delete("/{number}")
async def delete_organisation(link: Writing, number: Number, confirm: Confirm) -> Done:
    """Delete it with its dashboards, data sources and rules."""
    confirmed(confirm, str((await link.get(f"/api/orgs/{number}"))["name"]))
    await link.send("DELETE", f"/api/orgs/{number}")
    return Done()
