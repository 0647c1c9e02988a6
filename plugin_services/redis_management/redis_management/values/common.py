"""What the types have in common."""

from __future__ import annotations

import hashlib
from typing import Any

from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal
from pydantic import Field

from redis_management.blobs import PREVIEW, Blob, blob
from redis_management.link import Command, Reader
from redis_management.problems import Changed, NoSuchKey, WrongType

PAGE_BYTES = 8 * 1024 * 1024
"""About the most that one page makes Redis send."""


class Change(ApiModel):
    """What a change did."""

    changed: int = Field(description="How many elements were added, replaced or removed.")
    length: int = Field(description="Elements (for a string: bytes) afterwards; 0 when the key is gone.")


class Valued(ApiModel):
    """One value, and a tag that tells whether it is still the same."""

    value: Blob
    tag: str = Field(description="Send it as ifTag to refuse a change of what somebody else has changed.")


def tag_of(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()[:24]


def valued(value: bytes, limit: int | None = PREVIEW) -> Valued:
    return Valued(value=blob(value, limit), tag=tag_of(value))


def still_the_same(value: bytes | None, tag: str | None) -> None:
    """Raises Changed where a tag was sent and the value is another now."""
    if tag is not None and (value is None or tag_of(value) != tag):
        raise Changed(
            "Somebody else has changed this value meanwhile.",
            hint="Load it again, then repeat your change if it still makes sense.",
        )


async def of_type(reader: Reader, key: bytes, kind: str, *commands: Command) -> list[Any]:
    """Replies to ``commands``, in one round trip with the check that ``key`` is a ``kind``."""
    actual, *replies = await reader.run_each([("TYPE", key), *commands])
    require(actual, kind)
    for reply in replies:
        if isinstance(reply, Refusal):
            raise reply
    return replies


def require(actual: Any, kind: str) -> None:
    """Check a reply of TYPE; raises NoSuchKey or WrongType."""
    if isinstance(actual, Refusal):
        raise actual
    name = actual.decode()
    if name == "none":
        raise no_such_key()
    if name != kind:
        raise WrongType(f"The key holds a {name}, not a {kind}.", hint="Load the key again.")


def no_such_key() -> NoSuchKey:
    return NoSuchKey(
        "There is no such key in this database.", hint="It may have expired, or someone has deleted it."
    )


async def fitting(reader: Reader, key: bytes, length: int, limit: int) -> int:
    """``limit``, or fewer where the elements are so large that a page would overrun its bytes."""
    usage = (await reader.run_each([("MEMORY", "USAGE", key, "SAMPLES", 5)]))[0]
    if not isinstance(usage, int) or not length:
        return limit  # the user may lack the permission for it
    return max(1, min(limit, PAGE_BYTES * length // usage))
