"""Groups of users: list, make, set members and policies, enable and disable, delete."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any, NamedTuple

from fastapi import Query
from plugway_sdk.web.models import ApiModel, Done
from plugway_sdk.web.problems import Conflict, new_router
from pydantic import Field

from minio_management.accounts import (
    PREFIX,
    AccountName,
    After,
    Named,
    Policies,
    PolicyNames,
    Search,
    Status,
    check_policies,
    names_of,
    page_of,
    set_policies,
)
from minio_management.dependencies import Limit, Reading, Writing
from minio_management.s3 import Clients

router = new_router("groups", PREFIX)
MemberNames = Annotated[list[AccountName], Field(max_length=1000)]


class Group(ApiModel):
    """A group; its policies count for each member while it is enabled."""

    name: str
    enabled: bool
    policies: list[str] | None = Field(
        description="Null while it is disabled: the server does not tell then."
    )
    members: list[str]


class GroupPage(ApiModel):
    """Some groups in the order of their names."""

    groups: list[Group]
    after: str | None = Field(description="Send it to go on; null at the end.")
    total: int


class NewGroup(ApiModel):
    """A group to make."""

    name: AccountName = Field(examples=["editors"])
    members: MemberNames = Field(default_factory=list)
    policies: PolicyNames = Field(default_factory=list)


class Members(ApiModel):
    """All users that are to be in it."""

    members: MemberNames


class _Name(NamedTuple):
    name: str


def _names(clients: Clients) -> list[str]:
    return list(json.loads(clients.admin.group_list()) or ())


def _one(clients: Clients, name: str) -> Group:
    entry: dict[str, Any] = json.loads(clients.admin.group_info(name))
    enabled = entry.get("status") == "enabled"
    return Group(
        name=name,
        enabled=enabled,
        policies=names_of(entry.get("policy")) if enabled else None,
        members=sorted(entry.get("members") or ()),
    )


def _add(clients: Clients, name: str, members: Iterable[str]) -> None:
    clients.admin.group_add(name, sorted(members))  # type: ignore[arg-type] # it wants a list, and says text


def _take_out(clients: Clients, name: str, members: Iterable[str]) -> None:
    clients.admin.group_remove(name, sorted(members))  # type: ignore[arg-type] # the same


@router.get("/groups")
async def list_groups(link: Reading, search: Search = "", after: After = "", limit: Limit = 100) -> GroupPage:
    """Groups page by page, with their members and policies."""

    def work(clients: Clients) -> GroupPage:
        found = [_Name(name) for name in _names(clients) if search in name]
        page, following = page_of(found, after, limit)
        groups = [_one(clients, entry.name) for entry in page]
        return GroupPage(groups=groups, after=following, total=len(found))

    return await link.administer(work)


@router.post("/groups", status_code=201)
async def create_group(link: Writing, new: NewGroup) -> Group:
    """Make a group."""

    def make(clients: Clients) -> Group:
        # To the server, making one that there is means to add members.
        if new.name in _names(clients):
            raise Conflict(f"There is a group named '{new.name}' already.", hint="Choose another name.")
        check_policies(clients, new.policies)
        _add(clients, new.name, new.members)
        set_policies(clients, [], new.policies, group=new.name)
        return _one(clients, new.name)

    return await link.administer(make)


@router.get("/group")
async def read_group(link: Reading, name: Named) -> Group:
    """One group."""
    return await link.administer(lambda clients: _one(clients, name))


@router.put("/group/status")
async def set_group_status(link: Writing, name: Named, wanted: Status) -> Done:
    """Let its policies count for its members, or no longer."""

    def work(clients: Clients) -> None:
        (clients.admin.group_enable if wanted.enabled else clients.admin.group_disable)(name)

    await link.administer(work)
    return Done()


@router.put("/group/members")
async def set_group_members(link: Writing, name: Named, wanted: Members) -> Group:
    """Set all members of a group."""

    def work(clients: Clients) -> Group:
        now = set(_one(clients, name).members)
        if more := set(wanted.members) - now:
            _add(clients, name, more)
        if fewer := now - set(wanted.members):
            _take_out(clients, name, fewer)
        return _one(clients, name)

    return await link.administer(work)


@router.put("/group/policies")
async def set_group_policies(link: Writing, name: Named, wanted: Policies) -> Group:
    """Set all policies that are attached to a group."""

    def work(clients: Clients) -> Group:
        now = _one(clients, name).policies
        if now is None:
            raise Conflict(f"'{name}' is disabled: its policies cannot be changed.", hint="Enable it first.")
        set_policies(clients, now, wanted.policies, group=name)
        return _one(clients, name)

    return await link.administer(work)


@router.delete("/group")
async def delete_group(
    link: Writing,
    name: Named,
    members: Annotated[bool, Query(description="Take its members out of it first.")] = False,
) -> Done:
    """Delete a group; the users that are in it stay."""

    def work(clients: Clients) -> None:
        inside = _one(clients, name).members
        if inside and members:
            _take_out(clients, name, inside)
        clients.admin.group_remove(name)

    await link.administer(work)
    return Done()
