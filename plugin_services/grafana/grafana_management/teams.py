"""Teams and who is in them."""

from __future__ import annotations

from typing import Any

from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import new_router
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
    cut,
)
from grafana_management.users import PEOPLE

router = new_router("people", f"{PEOPLE}/teams")


class Team(ApiModel):
    """One team."""

    id: int
    name: str
    email: str
    members: int


class TeamPage(ApiModel):
    """Some teams."""

    teams: list[Team]
    more: bool
    total: int


class TeamWords(ApiModel):
    """What it is called, and where it gets mail."""

    name: str = Field(min_length=1, max_length=190)
    email: str = Field(default="", max_length=190)


class TeamMember(ApiModel):
    """A user who is in the team."""

    id: int
    login: str
    name: str
    email: str
    administrator: bool = Field(description="Of the team.")


class TeamMemberPage(ApiModel):
    """Some of a team's users."""

    members: list[TeamMember]
    more: bool
    total: int


class NewTeamMember(ApiModel):
    """A user of the organisation who is to be in the team."""

    user: int = Field(ge=1, description="The user's number.")


def _team(entry: dict[str, Any]) -> Team:
    return Team(
        id=entry["id"],
        name=entry.get("name", ""),
        email=entry.get("email") or "",
        members=entry.get("memberCount") or 0,
    )


@router.get("")
async def list_teams(link: Reading, search: Search = "", page: Page = 1, limit: Limit = 100) -> TeamPage:
    """Teams page by page."""
    found = await link.get("/api/teams/search", query=search, page=page, perpage=limit)
    total = int(found.get("totalCount") or 0)
    teams = [_team(entry) for entry in found["teams"]]
    return TeamPage(teams=teams, more=page * limit < total, total=total)


@router.post("", status_code=201)
async def create_team(link: Writing, new: TeamWords) -> Team:
    """Make a team."""
    made = await link.send("POST", "/api/teams", {"name": new.name, "email": new.email})
    return Team(id=int(made["teamId"]), name=new.name, email=new.email, members=0)


@router.get("/{number}")
async def read_team(link: Reading, number: Number) -> Team:
    """One team."""
    return _team(await link.get(f"/api/teams/{number}"))


@router.put("/{number}")
async def change_team(link: Writing, number: Number, change: TeamWords) -> Done:
    """Give it another name or address."""
    await link.send("PUT", f"/api/teams/{number}", {"name": change.name, "email": change.email})
    return Done()


@router.delete("/{number}")
async def delete_team(link: Writing, number: Number, confirm: Confirm) -> Done:
    """Delete it; its users stay."""
    confirmed(confirm, str((await link.get(f"/api/teams/{number}")).get("name", "")))
    await link.send("DELETE", f"/api/teams/{number}")
    return Done()


@router.get("/{number}/members")
async def list_team_members(
    link: Reading, number: Number, page: Page = 1, limit: Limit = 100
) -> TeamMemberPage:
    """Who is in it, page by page."""
    found = [
        TeamMember(
            id=entry["userId"],
            login=entry.get("login", ""),
            name=entry.get("name") or "",
            email=entry.get("email") or "",
            administrator=entry.get("permission") == 4,
        )
        for entry in await link.get(f"/api/teams/{number}/members")
    ]
    found.sort(key=lambda one: one.login.lower())
    shown, more = cut(found, page, limit)
    return TeamMemberPage(members=shown, more=more, total=len(found))


@router.post("/{number}/members", status_code=201)
async def add_team_member(link: Writing, number: Number, new: NewTeamMember) -> Done:
    """Put a user into it."""
    await link.send("POST", f"/api/teams/{number}/members", {"userId": new.user})
    return Done()


@router.delete("/{number}/members/{user}")
async def remove_team_member(link: Writing, number: Number, user: Number) -> Done:
    """Take a user out of it."""
    await link.send("DELETE", f"/api/teams/{number}/members/{user}")
    return Done()
