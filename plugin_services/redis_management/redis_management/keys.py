"""Keys: browse, look at one, rename, time to live, delete."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal, new_router
from pydantic import Field

from redis_management.blobs import Blob, BlobInput, KeyName, blob
from redis_management.dependencies import Cursor, Limit, Pattern, Reading, Writing
from redis_management.link import Command, Reader
from redis_management.problems import Changed
from redis_management.scan import Found, is_exact, keys_of, step
from redis_management.values.common import no_such_key

router = new_router("keys")
KeyType = Literal["string", "hash", "list", "set", "zset", "stream"]
OfType = Annotated[KeyType | None, Query(alias="type", description="Only keys of this type.")]
LENGTH = {
    "string": "STRLEN",
    "hash": "HLEN",
    "list": "LLEN",
    "set": "SCARD",
    "zset": "ZCARD",
    "stream": "XLEN",
}


class KeyLine(ApiModel):
    """A key in a list."""

    name: Blob
    type: str = Field(description="Redis' name of the type; 'unknown' where the user may not see it.")
    ttl_ms: int | None = Field(description="Milliseconds to live; null where it does not expire.")


class KeyPage(ApiModel):
    """The keys that one bounded walk found; it may have found none and still not be at the end."""

    keys: list[KeyLine]
    cursor: str = Field(description="Where to go on; 0 at the end.")
    looked_at: int = Field(description="About how many keys this walk has looked at.")
    scans: int = Field(description="SCAN commands it took.")
    total: int = Field(description="Keys in the database.")


class KeyDetail(KeyLine):
    """All about a key but its value."""

    length: int | None = Field(description="Elements, or bytes of a string; null for an unknown type.")
    memory: int | None = Field(description="Bytes in Redis' memory, as far as it tells.")
    encoding: str | None = Field(description="How Redis stores it, e.g. listpack.")


class Rename(ApiModel):
    """A new name."""

    name: BlobInput
    replace: bool = Field(default=False, description="Also where a key of that name exists: it is lost.")


class Ttl(ApiModel):
    """A time to live."""

    ttl_ms: int = Field(gt=0, le=2**53, description="Milliseconds from now.")


class Names(ApiModel):
    """Keys to delete."""

    names: list[BlobInput] = Field(min_length=1, max_length=1000)


class Deleted(ApiModel):
    """How many keys there were to delete."""

    deleted: int


def _value(reply: Any) -> Any:
    """The reply, or None where Redis refused it: one command less must not hide the rest."""
    return None if isinstance(reply, Refusal) else reply


def _line(name: bytes, kind: Any, ttl: Any) -> KeyLine:
    kind, ttl = _value(kind), _value(ttl)
    return KeyLine(
        name=blob(name),
        type=kind.decode() if kind is not None else "unknown",
        ttl_ms=ttl if ttl is not None and ttl >= 0 else None,
    )


async def lines(reader: Reader, names: list[bytes]) -> list[KeyLine]:
    """Type and time to live of each, in one round trip; keys that are gone are left out."""
    commands: list[Command] = [word for name in names for word in (("TYPE", name), ("PTTL", name))]
    replies = await reader.run_each(commands)
    pairs = zip(names, replies[::2], replies[1::2], strict=True)
    return [_line(name, kind, ttl) for name, kind, ttl in pairs if kind != b"none"]


async def find(reader: Reader, pattern: bytes, kind: str | None, cursor: int, wanted: int) -> Found[bytes]:
    """One bounded walk over the keys that match."""
    if not is_exact(pattern):
        return await step(keys_of(reader, pattern, kind), cursor, wanted)
    actual = await reader.run("TYPE", pattern)
    there = actual != b"none" and kind in (None, actual.decode())
    return Found(items=[pattern] if there else [], looked_at=1)


@router.get("/keys")
async def list_keys(
    reader: Reading,
    pattern: Pattern = "*",
    kind: OfType = None,
    cursor: Cursor = "0",
    limit: Limit = 100,
) -> KeyPage:
    """Keys that match, found by a walk of bounded work: a page may be empty before the end."""
    found = await find(reader, pattern.encode(), kind, int(cursor), limit)
    return KeyPage(
        keys=await lines(reader, found.items),
        cursor=str(found.cursor),
        looked_at=found.looked_at,
        scans=found.calls,
        total=await reader.run("DBSIZE"),
    )


@router.get("/key")
async def read_key(reader: Reading, key: KeyName) -> KeyDetail:
    """What is known about one key."""
    kind, ttl, memory, encoding = await reader.run_each(
        [("TYPE", key), ("PTTL", key), ("MEMORY", "USAGE", key), ("OBJECT", "ENCODING", key)]
    )
    if isinstance(kind, Refusal):
        raise kind
    if kind == b"none":
        raise no_such_key()
    counting = LENGTH.get(kind.decode())
    length = (await reader.run_each([(counting, key)]))[0] if counting else None
    stored = _value(encoding)
    return KeyDetail(
        **dict(_line(key, kind, ttl)),
        length=_value(length),
        memory=_value(memory),
        encoding=stored.decode() if stored is not None else None,
    )


@router.delete("/key")
async def delete_key(writer: Writing, key: KeyName) -> Deleted:
    """Delete one key; large ones are freed in the background."""
    return Deleted(deleted=await writer.run("UNLINK", key))


@router.post("/key/rename")
async def rename_key(writer: Writing, key: KeyName, change: Rename) -> KeyDetail:
    """Give a key another name."""
    name = change.name.to_bytes()
    if not await writer.run("EXISTS", key):
        raise no_such_key()
    if change.replace:
        await writer.run("RENAME", key, name)
    elif name != key and not await writer.run("RENAMENX", key, name):
        raise Changed("A key of that name exists already.", hint="Take another name, or replace it.")
    return await read_key(writer, name)


@router.put("/key/ttl")
async def set_ttl(writer: Writing, key: KeyName, change: Ttl) -> KeyDetail:
    """Let a key expire."""
    if not await writer.run("PEXPIRE", key, change.ttl_ms):
        raise no_such_key()
    return await read_key(writer, key)


@router.delete("/key/ttl")
async def persist_key(writer: Writing, key: KeyName) -> KeyDetail:
    """Let a key stay for good."""
    await writer.run("PERSIST", key)
    return await read_key(writer, key)


@router.post("/keys/delete")
async def delete_keys(writer: Writing, which: Names) -> Deleted:
    """Delete the keys named."""
    return Deleted(deleted=await writer.unlink([name.to_bytes() for name in which.names]))
