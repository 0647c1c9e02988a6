"""Sets."""

from __future__ import annotations

from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import new_router
from pydantic import Field

from redis_management.blobs import Blob, BlobInput, KeyName, blob
from redis_management.dependencies import Cursor, Limit, Pattern, Reading, Writing
from redis_management.scan import members_of, step
from redis_management.values.common import Change, fitting, of_type

router = new_router("sets", "/key/set")


class SetPage(ApiModel):
    """Some members, in no order."""

    members: list[Blob]
    cursor: str = Field(description="Where to go on; 0 at the end.")
    total: int


class Members(ApiModel):
    """Members to add or to remove."""

    members: list[BlobInput] = Field(min_length=1, max_length=1000)


@router.get("")
async def read_set(
    reader: Reading, key: KeyName, pattern: Pattern = "*", cursor: Cursor = "0", limit: Limit = 100
) -> SetPage:
    """Members of a set, page by page."""
    (total,) = await of_type(reader, key, "set", ("SCARD", key))
    wanted = await fitting(reader, key, total, limit)
    found = await step(members_of(reader, "SSCAN", key, pattern.encode()), int(cursor), wanted)
    return SetPage(members=[blob(member) for member in found.items], cursor=str(found.cursor), total=total)


@router.post("/members")
async def add_members(writer: Writing, key: KeyName, change: Members) -> Change:
    """Add members; makes the set where there is none."""
    members = [member.to_bytes() for member in change.members]
    added, length = await writer.run_all([("SADD", key, *members), ("SCARD", key)])
    return Change(changed=added, length=length)


@router.post("/members/remove")
async def remove_members(writer: Writing, key: KeyName, change: Members) -> Change:
    """Remove members; the last one takes the key with it."""
    members = [member.to_bytes() for member in change.members]
    removed, length = await writer.run_all([("SREM", key, *members), ("SCARD", key)])
    return Change(changed=removed, length=length)
