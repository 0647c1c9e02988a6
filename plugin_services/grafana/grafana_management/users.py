"""Users: of an organisation with their roles, and of the whole server for its administrator."""

from __future__ import annotations

from typing import Any, Literal

from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import new_router
from pydantic import Field, SecretStr

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
    matches,
)

PEOPLE = "/people"
router = new_router("people", PEOPLE)
Role = Literal["None", "Viewer", "Editor", "Admin"]


class Member(ApiModel):
    """A user in this organisation."""

    id: int
    login: str
    name: str
    email: str
    role: str
    seen: str | None
    disabled: bool


class MemberPage(ApiModel):
    """Some of the organisation's users, by login."""

    users: list[Member]
    more: bool
    total: int


class User(ApiModel):
    """A user of the server."""

    id: int
    login: str
    name: str
    email: str
    administrator: bool = Field(description="Of the whole server.")
    disabled: bool
    seen: str | None
    origins: list[str] = Field(description="Where they log in by, such as LDAP; empty for Grafana itself.")


class UserPage(ApiModel):
    """Some of the server's users."""

    users: list[User]
    more: bool
    total: int


class NewMember(ApiModel):
    """A user of the server who is to belong to this organisation."""

    login_or_email: str = Field(min_length=1, max_length=190)
    role: Role = "Viewer"


class NewUser(ApiModel):
    """A user to make; the password is told to nobody."""

    login: str = Field(min_length=1, max_length=190)
    name: str = Field(default="", max_length=190)
    email: str = Field(default="", max_length=190)
    password: SecretStr = Field(min_length=4, max_length=500)


class RoleChange(ApiModel):
    """The role in this organisation."""

    role: Role


class UserStatus(ApiModel):
    """Whether they may log in, and whether they administer the server; null leaves it."""

    disabled: bool | None = None
    administrator: bool | None = None


class NewPassword(ApiModel):
    """Another password."""

    password: SecretStr = Field(min_length=4, max_length=500)


def _member(entry: dict[str, Any]) -> Member:
    return Member(
        id=entry["userId"],
        login=entry.get("login", ""),
        name=entry.get("name") or "",
        email=entry.get("email") or "",
        role=entry.get("role") or "None",
        seen=entry.get("lastSeenAt"),
        disabled=bool(entry.get("isDisabled")),
    )


def _user(entry: dict[str, Any]) -> User:
    return User(
        id=entry["id"],
        login=entry.get("login", ""),
        name=entry.get("name") or "",
        email=entry.get("email") or "",
        administrator=bool(entry.get("isAdmin", entry.get("isGrafanaAdmin"))),
        disabled=bool(entry.get("isDisabled")),
        seen=entry.get("lastSeenAt"),
        origins=entry.get("authLabels") or [],
    )


@router.get("/members")
async def list_members(link: Reading, search: Search = "", page: Page = 1, limit: Limit = 100) -> MemberPage:
    """The organisation's users page by page."""
    found = [_member(entry) for entry in await link.get("/api/org/users")]
    found = [one for one in found if matches(search, one.login, one.name, one.email)]
    found.sort(key=lambda one: one.login.lower())
    shown, more = cut(found, page, limit)
    return MemberPage(users=shown, more=more, total=len(found))


@router.post("/members", status_code=201)
async def add_member(link: Writing, new: NewMember) -> Done:
    """Take a user of the server into the organisation."""
    body = {"loginOrEmail": new.login_or_email, "role": new.role}
    made = await link.send("POST", "/api/org/users", body)
    return Done(message=str(made.get("message") or ""))


@router.put("/members/{number}/role")
async def change_role(link: Writing, number: Number, change: RoleChange) -> Done:
    """Give a user another role in the organisation."""
    await link.send("PATCH", f"/api/org/users/{number}", {"role": change.role})
    return Done()


@router.delete("/members/{number}")
async def remove_member(link: Writing, number: Number) -> Done:
    """Take a user out of the organisation; the user stays."""
    # The shorter path, without the number, deletes whoever is in no other organisation.
    organisation = (await link.get("/api/org"))["id"]
    await link.send("DELETE", f"/api/orgs/{organisation}/users/{number}")
    return Done()


@router.get("/users")
async def list_users(link: Reading, search: Search = "", page: Page = 1, limit: Limit = 100) -> UserPage:
    """The server's users page by page; for its administrator."""
    found = await link.get("/api/users/search", query=search, page=page, perpage=limit)
    total = int(found.get("totalCount") or 0)
    users = [_user(entry) for entry in found["users"]]
    return UserPage(users=users, more=page * limit < total, total=total)


@router.get("/users/{number}")
async def read_user(link: Reading, number: Number) -> User:
    """One user of the server."""
    return _user(await link.get(f"/api/users/{number}"))


@router.post("/users", status_code=201)
async def create_user(link: Writing, new: NewUser) -> User:
    """Make a user."""
    body = {
        "login": new.login,
        "name": new.name,
        "email": new.email,
        "password": new.password.get_secret_value(),
    }
    made = await link.send("POST", "/api/admin/users", body)
    return _user(await link.get(f"/api/users/{made['id']}"))


@router.put("/users/{number}/status")
async def change_status(link: Writing, number: Number, status: UserStatus) -> Done:
    """Let a user in or not, and make one an administrator of the server or not."""
    if status.disabled is not None:
        verb = "disable" if status.disabled else "enable"
        await link.send("POST", f"/api/admin/users/{number}/{verb}")
    if status.administrator is not None:
        body = {"isGrafanaAdmin": status.administrator}
        await link.send("PUT", f"/api/admin/users/{number}/permissions", body)
    return Done()


@router.put("/users/{number}/password")
async def change_password(link: Writing, number: Number, new: NewPassword) -> Done:
    """Set another password."""
    body = {"password": new.password.get_secret_value()}
    await link.send("PUT", f"/api/admin/users/{number}/password", body)
    return Done()


@router.delete("/users/{number}")
async def delete_user(
    link: Writing,
    number: Number,
    confirm: Confirm,
) -> Done:
    """Delete a user from the server and from all organisations."""
    confirmed(confirm, str((await link.get(f"/api/users/{number}")).get("login", "")))
    await link.send("DELETE", f"/api/admin/users/{number}")
    return Done()
