"""Sorted sets."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import new_router
from pydantic import Field, FiniteFloat

from redis_management.blobs import Blob, BlobInput, KeyName, blob
from redis_management.dependencies import Cursor, Limit, Offset, Pattern, Reading, Writing
from redis_management.scan import pairs_of, step
from redis_management.values.common import Change, fitting, of_type
from redis_management.values.sets import Members

router = new_router("sorted sets", "/key/sorted-set")
Order = Annotated[Literal["ascending", "descending"], Query()]


class ScoredMember(ApiModel):
    """One member."""

    member: Blob
    score: str = Field(description="As Redis writes it: a number, inf or -inf.")


class SortedSetPage(ApiModel):
    """Some members in order of their score."""

    members: list[ScoredMember]
    next_offset: int | None = Field(description="Where the next page begins; null at the end.")
    total: int


class SortedSetMatches(ApiModel):
    """Some members whose names match, in no order."""

    members: list[ScoredMember]
    cursor: str = Field(description="Where to go on; 0 at the end.")
    total: int


class ScoreInput(ApiModel):
    """A member and its score."""

    member: BlobInput
    score: FiniteFloat | Literal["inf", "-inf"]


class Scores(ApiModel):
    """Members to add, or to give another score."""

    members: list[ScoreInput] = Field(min_length=1, max_length=1000)


def scored(member: bytes, score: bytes) -> ScoredMember:
    return ScoredMember(member=blob(member), score=score.decode())


@router.get("")
async def read_sorted_set(
    reader: Reading, key: KeyName, order: Order = "ascending", offset: Offset = 0, limit: Limit = 100
) -> SortedSetPage:
    """Members by score, page by page."""
    (total,) = await of_type(reader, key, "zset", ("ZCARD", key))
    wanted = await fitting(reader, key, total, limit)
    command = "ZRANGE" if order == "ascending" else "ZREVRANGE"
    flat = await reader.run(command, key, offset, offset + wanted - 1, "WITHSCORES")
    members = [scored(member, score) for member, score in zip(flat[::2], flat[1::2], strict=True)]
    following = offset + len(members)
    more = bool(members) and following < total
    return SortedSetPage(members=members, next_offset=following if more else None, total=total)


@router.get("/matches")
async def search_sorted_set(
    reader: Reading, key: KeyName, pattern: Pattern, cursor: Cursor = "0", limit: Limit = 100
) -> SortedSetMatches:
    """Members whose names match, page by page."""
    (total,) = await of_type(reader, key, "zset", ("ZCARD", key))
    wanted = await fitting(reader, key, total, limit)
    found = await step(pairs_of(reader, "ZSCAN", key, pattern.encode()), int(cursor), wanted)
    members = [scored(member, score) for member, score in found.items]
    return SortedSetMatches(members=members, cursor=str(found.cursor), total=total)


@router.put("/members")
async def write_members(writer: Writing, key: KeyName, change: Scores) -> Change:
    """Add members or set their scores; makes the sorted set where there is none."""
    flat = [word for entry in change.members for word in (repr_of(entry.score), entry.member.to_bytes())]
    changed, length = await writer.run_all([("ZADD", key, "CH", *flat), ("ZCARD", key)])
    return Change(changed=changed, length=length)


def repr_of(score: float | str) -> str:
    return score if isinstance(score, str) else repr(score)


@router.post("/members/remove")
async def remove_scored_members(writer: Writing, key: KeyName, change: Members) -> Change:
    """Remove members; the last one takes the key with it."""
    members = [member.to_bytes() for member in change.members]
    removed, length = await writer.run_all([("ZREM", key, *members), ("ZCARD", key)])
    return Change(changed=removed, length=length)
