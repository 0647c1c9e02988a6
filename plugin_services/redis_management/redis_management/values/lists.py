"""Lists."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from fastapi import Query
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import new_router
from pydantic import Field

from redis_management.blobs import BlobInput, KeyName
from redis_management.dependencies import Limit, Offset, Reading, Writing
from redis_management.link import Command
from redis_management.problems import NoSuchKey
from redis_management.values.common import Change, Valued, fitting, of_type, still_the_same, tag_of, valued
from redis_management.values.strings import LARGEST_PAGE, StringPage, page_of

router = new_router("lists", "/key/list")


class ListItem(Valued):
    """One element; a long value is cut."""

    index: int


class ListPage(ApiModel):
    """Some elements, in order."""

    items: list[ListItem]
    next_offset: int | None = Field(description="Where the next page begins; null at the end.")
    total: int


class ItemChange(ApiModel):
    """Replace one element. The tag is needed, since every push at the head moves the indexes."""

    value: BlobInput
    if_tag: str


class Push(ApiModel):
    """Add elements at one end."""

    values: list[BlobInput] = Field(min_length=1, max_length=1000)
    end: Literal["head", "tail"] = "tail"


class NoSuchItem(NoSuchKey):
    key, title = "no-such-item", "No such element"


@router.get("")
async def read_list(reader: Reading, key: KeyName, offset: Offset = 0, limit: Limit = 100) -> ListPage:
    """Elements of a list, page by page."""
    (total,) = await of_type(reader, key, "list", ("LLEN", key))
    wanted = await fitting(reader, key, total, limit)
    values = await reader.run("LRANGE", key, offset, offset + wanted - 1)
    items = [ListItem(index=offset + number, **dict(valued(value))) for number, value in enumerate(values)]
    following = offset + len(items)
    return ListPage(items=items, next_offset=following if items and following < total else None, total=total)


Index = Annotated[int, Query(ge=0, description="From 0.")]


@router.get("/item")
async def read_item(
    reader: Reading,
    key: KeyName,
    index: Index,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=4, le=LARGEST_PAGE)] = 64 * 1024,
) -> StringPage:
    """One element, page by page."""
    (value,) = await of_type(reader, key, "list", ("LINDEX", key, index))
    if value is None:
        raise NoSuchItem("The list has no element of that index.", hint="Load the key again.")
    page = page_of(value[offset : offset + limit], offset, len(value))
    return page.model_copy(update={"tag": tag_of(value)})


@router.post("/items")
async def push(writer: Writing, key: KeyName, change: Push) -> Change:
    """Add elements; makes the list where there is none."""
    values = [value.to_bytes() for value in change.values]
    length = await writer.run("LPUSH" if change.end == "head" else "RPUSH", key, *values)
    return Change(changed=len(values), length=length)


@router.put("/item")
async def write_item(writer: Writing, key: KeyName, index: Index, change: ItemChange) -> Change:
    """Replace one element."""
    value = change.value.to_bytes()

    def then(old: bytes | None) -> list[Command]:
        still_the_same(old, change.if_tag)
        return [("LSET", key, index, value), ("LLEN", key)]

    _, length = await writer.change_if(key, ("LINDEX", key, index), then)
    return Change(changed=1, length=length)


@router.delete("/item")
async def delete_item(
    writer: Writing, key: KeyName, index: Index, tag: Annotated[str, Query(alias="ifTag")]
) -> Change:
    """Delete one element; the last one takes the key with it."""
    # Redis deletes by value only: the element is first given a value that no other has.
    mark = f"plugway-deleted:{uuid.uuid4()}"

    def then(old: bytes | None) -> list[Command]:
        still_the_same(old, tag)
        return [("LSET", key, index, mark), ("LREM", key, 1, mark), ("LLEN", key)]

    _, removed, length = await writer.change_if(key, ("LINDEX", key, index), then)
    return Change(changed=removed, length=length)
