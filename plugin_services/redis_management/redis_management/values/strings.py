"""Strings."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import new_router
from pydantic import Field

from redis_management.blobs import Blob, BlobInput, KeyName, blob, whole_characters
from redis_management.dependencies import Offset, Reading, Writing
from redis_management.values.common import Change, of_type, still_the_same, tag_of

router = new_router("strings", "/key/string")
LARGEST_PAGE = 1024 * 1024


class StringPage(ApiModel):
    """A part of a string; sizes and offsets in bytes."""

    value: Blob
    offset: int
    next_offset: int | None = Field(description="Where the next page begins; null at the end.")
    total: int
    tag: str | None = Field(description="Of the whole value, where the page holds all of it.")


class StringChange(ApiModel):
    """A new value."""

    value: BlobInput
    keep_ttl: bool = Field(default=True, description="Leave the time to live as it is.")
    if_tag: str | None = None


def page_of(part: bytes, offset: int, total: int) -> StringPage:
    """The page that ``part`` makes at ``offset``, ending between two characters where it is text."""
    more = offset + len(part) < total
    kept = whole_characters(part) if more else part
    if not kept:
        kept = part
    return StringPage(
        value=blob(kept),
        offset=offset,
        next_offset=offset + len(kept) if more else None,
        total=total,
        tag=tag_of(part) if offset == 0 and not more else None,
    )


@router.get("")
async def read_string(
    reader: Reading,
    key: KeyName,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=4, le=LARGEST_PAGE)] = 64 * 1024,
) -> StringPage:
    """A string, page by page."""
    part, total = await of_type(
        reader, key, "string", ("GETRANGE", key, offset, offset + limit - 1), ("STRLEN", key)
    )
    return page_of(part, offset, total)


@router.put("")
async def write_string(writer: Writing, key: KeyName, change: StringChange) -> Change:
    """Set a string, or make one."""
    value = change.value.to_bytes()
    keep = ("KEEPTTL",) if change.keep_ttl else ()
    if change.if_tag is None:
        await of_type_or_new(writer, key)
        await writer.run("SET", key, value, *keep)
        return Change(changed=1, length=len(value))

    def then(old: bytes | None) -> list[tuple[bytes | str, ...]]:
        still_the_same(old, change.if_tag)
        return [("SET", key, value, *keep)]

    await writer.change_if(key, ("GET", key), then)
    return Change(changed=1, length=len(value))


async def of_type_or_new(writer: Writing, key: bytes) -> None:
    """SET would silently replace a value of another type."""
    if await writer.run("TYPE", key) != b"none":
        await of_type(writer, key, "string")
