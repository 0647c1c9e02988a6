"""Answers of any command, for JSON: cut where they are long."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Literal

from plugway_sdk.web.models import ApiModel
from pydantic import Field
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as LateError

from redis_management.blobs import Blob, blob

ITEMS = 2000
"""Elements of an answer that are shown, at any depth."""
VALUE = 64 * 1024
DEPTH = 8


class Reply(ApiModel):
    """One answer; what fits its kind is set."""

    kind: Literal["text", "number", "nothing", "list", "error"]
    text: Blob | None = None
    number: int | None = None
    items: list[Reply] | None = None
    length: int | None = Field(default=None, description="Elements of the whole; items has some.")
    error: str | None = None


async def reply_of(answer: Awaitable[Any]) -> Reply:
    """What Redis answers; an error that it answers is an answer too."""
    try:
        return _shown(await answer, [ITEMS], DEPTH)
    except (LostError, LateError):
        raise
    except ResponseError as error:
        return Reply(kind="error", error=str(error))


def _shown(value: Any, left: list[int], depth: int) -> Reply:
    left[0] -= 1
    if value is None:
        return Reply(kind="nothing")
    if isinstance(value, int):
        return Reply(kind="number", number=value)
    if isinstance(value, bytes):
        return Reply(kind="text", text=blob(value, VALUE))
    if isinstance(value, Exception):
        return Reply(kind="error", error=str(value))
    items = []
    for item in value:
        if left[0] <= 0 or not depth:
            break
        items.append(_shown(item, left, depth - 1))
    return Reply(kind="list", items=items, length=len(value))
