"""Redis' log of slow commands."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal, new_router
from pydantic import Field

from redis_management.blobs import Blob, blob
from redis_management.dependencies import Reading, Writing
from redis_management.hiding import without_secrets
from redis_management.info import number

router = new_router("slow log", "/slow-log")
WORD = 256


class SlowCommand(ApiModel):
    """A command that took long."""

    id: int
    at: int = Field(description="Unix time in seconds.")
    microseconds: int
    words: list[Blob] = Field(description="The command; long words are cut, secrets hidden.")
    client: str
    client_name: str


class SlowLog(ApiModel):
    """The newest first."""

    entries: list[SlowCommand]
    length: int
    threshold_microseconds: int | None = Field(
        description="From when on a command is slow; negative: never. Null where the user may not see it."
    )


class Emptied(ApiModel):
    """How many entries there were."""

    removed: int


def slow_command_of(raw: list[Any]) -> SlowCommand:
    identity, at, taken, words, *who = raw
    address, name = (*(part.decode(errors="replace") for part in who), "", "")[:2]
    return SlowCommand(
        id=identity,
        at=at,
        microseconds=taken,
        words=[blob(word, WORD) for word in without_secrets(words)],
        client=address,
        client_name=name,
    )


@router.get("")
async def read_slow_log(reader: Reading, limit: Annotated[int, Query(ge=1, le=1000)] = 128) -> SlowLog:
    """The slow commands that Redis remembers."""
    raw, length = await reader.run_all([("SLOWLOG", "GET", limit), ("SLOWLOG", "LEN")])
    threshold = (await reader.run_each([("CONFIG", "GET", "slowlog-log-slower-than")]))[0]
    known = not isinstance(threshold, Refusal) and len(threshold) == 2
    return SlowLog(
        entries=[slow_command_of(entry) for entry in raw],
        length=length,
        threshold_microseconds=number(threshold[1].decode()) if known else None,
    )


@router.delete("")
async def empty_slow_log(writer: Writing) -> Emptied:
    """Forget all of them."""
    length, _ = await writer.run_all([("SLOWLOG", "LEN"), ("SLOWLOG", "RESET")])
    return Emptied(removed=length)
