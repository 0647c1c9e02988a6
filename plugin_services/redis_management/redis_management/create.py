"""Make a new key of any type, only where there is none of that name."""

from __future__ import annotations

from typing import Annotated, Literal

from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import new_router
from pydantic import Field

from redis_management.blobs import BlobInput
from redis_management.dependencies import Writing
from redis_management.keys import KeyDetail, read_key
from redis_management.link import Command
from redis_management.problems import Changed
from redis_management.values.sorted_sets import ScoreInput, repr_of
from redis_management.values.streams import PairInput

router = new_router("keys")


class _New(ApiModel):
    name: BlobInput
    ttl_ms: int | None = Field(default=None, gt=0, le=2**53, description="Milliseconds to live.")

    def command(self, name: bytes) -> Command:
        """The command that makes the value."""
        raise NotImplementedError


class NewString(_New):
    type: Literal["string"]
    value: BlobInput

    def command(self, name: bytes) -> Command:
        return ("SET", name, self.value.to_bytes())


class NewHash(_New):
    type: Literal["hash"]
    fields: list[PairInput] = Field(min_length=1, max_length=1000)

    def command(self, name: bytes) -> Command:
        return ("HSET", name, *flat(self.fields))


class NewList(_New):
    type: Literal["list"]
    values: list[BlobInput] = Field(min_length=1, max_length=1000)

    def command(self, name: bytes) -> Command:
        return ("RPUSH", name, *(value.to_bytes() for value in self.values))


class NewSet(_New):
    type: Literal["set"]
    members: list[BlobInput] = Field(min_length=1, max_length=1000)

    def command(self, name: bytes) -> Command:
        return ("SADD", name, *(member.to_bytes() for member in self.members))


class NewSortedSet(_New):
    type: Literal["zset"]
    members: list[ScoreInput] = Field(min_length=1, max_length=1000)

    def command(self, name: bytes) -> Command:
        pairs = ((repr_of(entry.score), entry.member.to_bytes()) for entry in self.members)
        return ("ZADD", name, *(word for pair in pairs for word in pair))


class NewStream(_New):
    type: Literal["stream"]
    fields: list[PairInput] = Field(min_length=1, max_length=1000)

    def command(self, name: bytes) -> Command:
        return ("XADD", name, "*", *flat(self.fields))


NewKey = Annotated[
    NewString | NewHash | NewList | NewSet | NewSortedSet | NewStream, Field(discriminator="type")
]


def flat(pairs: list[PairInput]) -> list[bytes]:
    return [word for pair in pairs for word in (pair.field.to_bytes(), pair.value.to_bytes())]


@router.post("/keys", status_code=201)
async def create_key(writer: Writing, new: NewKey) -> KeyDetail:
    """Make a key; refused where one of that name exists."""
    name = new.name.to_bytes()
    commands = [new.command(name)]
    if new.ttl_ms is not None:
        commands.append(("PEXPIRE", name, new.ttl_ms))

    def then(exists: int) -> list[Command]:
        if exists:
            raise Changed("A key of that name exists already.", hint="Open it, or take another name.")
        return commands

    await writer.change_if(name, ("EXISTS", name), then)
    return await read_key(writer, name)
