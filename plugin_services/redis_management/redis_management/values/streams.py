"""Streams."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import new_router
from pydantic import Field, StringConstraints

from redis_management.blobs import PREVIEW, Blob, BlobInput, KeyName, blob
from redis_management.dependencies import Limit, Reading, Writing
from redis_management.link import Command
from redis_management.problems import NoSuchKey
from redis_management.values.common import Change, fitting, of_type
from redis_management.values.strings import LARGEST_PAGE

router = new_router("streams", "/key/stream")
EntryId = Annotated[str, StringConstraints(pattern=r"^\d{1,20}(-\d{1,20})?$")]
EntryOf = Annotated[EntryId, Query(alias="id")]


class Pair(ApiModel):
    """A field and its value; a long value is cut."""

    field: Blob
    value: Blob


class Entry(ApiModel):
    """One entry."""

    id: str
    fields: list[Pair]


class StreamPage(ApiModel):
    """Some entries."""

    entries: list[Entry]
    next_after: str | None = Field(description="Send it as after for the next page; null at the end.")
    total: int


class PairInput(ApiModel):
    """A field and its value."""

    field: BlobInput
    value: BlobInput


class NewEntry(ApiModel):
    """An entry to add."""

    fields: list[PairInput] = Field(min_length=1, max_length=1000)
    id: EntryId | Literal["*"] = "*"


class Added(Change):
    """An entry that was added."""

    id: str


class Group(ApiModel):
    """A consumer group."""

    name: Blob
    consumers: int
    pending: int
    last_delivered_id: str
    lag: int | None = Field(description="Entries not yet delivered; null where Redis does not know.")


class NoSuchEntry(NoSuchKey):
    key, title = "no-such-entry", "No such entry"


def entry_of(raw: list[Any], limit: int) -> Entry:
    identity, flat = raw
    flat = flat or []
    pairs = [
        Pair(field=blob(field, limit), value=blob(value, limit))
        for field, value in zip(flat[::2], flat[1::2], strict=True)
    ]
    return Entry(id=identity.decode(), fields=pairs)


@router.get("")
async def read_stream(
    reader: Reading,
    key: KeyName,
    after: EntryId | None = None,
    order: Annotated[Literal["newest", "oldest"], Query()] = "newest",
    limit: Limit = 100,
) -> StreamPage:
    """Entries of a stream, page by page."""
    (total,) = await of_type(reader, key, "stream", ("XLEN", key))
    wanted = await fitting(reader, key, total, limit)
    begin = f"({after}" if after else None
    command: Command = (
        ("XREVRANGE", key, begin or "+", "-") if order == "newest" else ("XRANGE", key, begin or "-", "+")
    )
    raw = await reader.run(*command, "COUNT", wanted)
    entries = [entry_of(one, PREVIEW) for one in raw]
    more = len(entries) == wanted
    return StreamPage(entries=entries, next_after=entries[-1].id if more else None, total=total)


@router.get("/entry")
async def read_entry(reader: Reading, key: KeyName, entry: EntryOf) -> Entry:
    """One entry with its values whole (up to 1 MiB each)."""
    (raw,) = await of_type(reader, key, "stream", ("XRANGE", key, entry, entry))
    if not raw:
        raise NoSuchEntry("The stream has no such entry.", hint="It may have been trimmed.")
    return entry_of(raw[0], LARGEST_PAGE)


@router.get("/groups")
async def read_groups(reader: Reading, key: KeyName) -> list[Group]:
    """Consumer groups of a stream."""
    (raw,) = await of_type(reader, key, "stream", ("XINFO", "GROUPS", key))
    return [group_of(dict(zip(flat[::2], flat[1::2], strict=True))) for flat in raw]


def group_of(facts: dict[bytes, Any]) -> Group:
    return Group(
        name=blob(facts[b"name"]),
        consumers=facts[b"consumers"],
        pending=facts[b"pending"],
        last_delivered_id=facts[b"last-delivered-id"].decode(),
        lag=facts.get(b"lag"),
    )


@router.post("/entries")
async def add_entry(writer: Writing, key: KeyName, entry: NewEntry) -> Added:
    """Add an entry; makes the stream where there is none."""
    flat = [word for pair in entry.fields for word in (pair.field.to_bytes(), pair.value.to_bytes())]
    identity, length = await writer.run_all([("XADD", key, entry.id, *flat), ("XLEN", key)])
    return Added(id=identity.decode(), changed=1, length=length)


@router.delete("/entry")
async def delete_entry(writer: Writing, key: KeyName, entry: EntryOf) -> Change:
    """Delete one entry."""
    removed, length = await writer.run_all([("XDEL", key, entry), ("XLEN", key)])
    return Change(changed=removed, length=length)
