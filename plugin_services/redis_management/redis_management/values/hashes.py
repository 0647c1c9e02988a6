"""Hashes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import new_router
from pydantic import Field

from redis_management.blobs import Blob, BlobInput, Encoding, KeyName, blob, decode
from redis_management.dependencies import Cursor, Limit, Offset, Pattern, Reading, Writing
from redis_management.link import Command
from redis_management.problems import Changed, NoSuchKey
from redis_management.scan import pairs_of, step
from redis_management.values.common import Change, Valued, fitting, of_type, still_the_same, tag_of, valued
from redis_management.values.strings import LARGEST_PAGE, StringPage, page_of

router = new_router("hashes", "/key/hash")


class HashField(Valued):
    """One field; a long value is cut."""

    field: Blob


class HashPage(ApiModel):
    """Some fields, in no order."""

    fields: list[HashField]
    cursor: str = Field(description="Where to go on; 0 at the end.")
    total: int


class FieldChange(ApiModel):
    """Set one field."""

    field: BlobInput
    value: BlobInput
    if_tag: str | None = Field(default=None, description="Of the value that is to be replaced.")
    only_new: bool = Field(default=False, description="Refuse where the field exists.")


class Fields(ApiModel):
    """Fields to delete."""

    fields: list[BlobInput] = Field(min_length=1, max_length=1000)


class NoSuchField(NoSuchKey):
    key, title = "no-such-field", "No such field"


@router.get("")
async def read_hash(
    reader: Reading, key: KeyName, pattern: Pattern = "*", cursor: Cursor = "0", limit: Limit = 100
) -> HashPage:
    """Fields of a hash, page by page."""
    (total,) = await of_type(reader, key, "hash", ("HLEN", key))
    wanted = await fitting(reader, key, total, limit)
    found = await step(pairs_of(reader, "HSCAN", key, pattern.encode()), int(cursor), wanted)
    fields = [HashField(field=blob(name), **dict(valued(value))) for name, value in found.items]
    return HashPage(fields=fields, cursor=str(found.cursor), total=total)


FieldName = Annotated[str, Query()]
FieldEncoding = Annotated[Encoding, Query(alias="fieldEncoding")]


@router.get("/field")
async def read_field(
    reader: Reading,
    key: KeyName,
    field: FieldName,
    encoding: FieldEncoding = "utf-8",
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=4, le=LARGEST_PAGE)] = 64 * 1024,
) -> StringPage:
    """The value of one field, page by page."""
    (value,) = await of_type(reader, key, "hash", ("HGET", key, decode(field, encoding)))
    if value is None:
        raise NoSuchField("The hash has no such field.", hint="Load the key again.")
    page = page_of(value[offset : offset + limit], offset, len(value))
    return page.model_copy(update={"tag": tag_of(value)})


@router.put("/field")
async def write_field(writer: Writing, key: KeyName, change: FieldChange) -> Change:
    """Set one field; makes the hash where there is none."""
    field, value = change.field.to_bytes(), change.value.to_bytes()

    commands: list[Command] = [("HSET", key, field, value), ("HLEN", key)]

    def then(old: bytes | None) -> list[Command]:
        still_the_same(old, change.if_tag)
        if change.only_new and old is not None:
            raise Changed("The hash has this field already.", hint="Edit the field instead.")
        return commands

    if change.if_tag is None and not change.only_new:
        _, length = await writer.run_all(commands)
    else:
        _, length = await writer.change_if(key, ("HGET", key, field), then)
    return Change(changed=1, length=length)


@router.post("/fields/remove")
async def remove_fields(writer: Writing, key: KeyName, change: Fields) -> Change:
    """Delete fields; the last one takes the key with it."""
    fields = [field.to_bytes() for field in change.fields]
    removed, length = await writer.run_all([("HDEL", key, *fields), ("HLEN", key)])
    return Change(changed=removed, length=length)
