"""Count, then delete, the keys that match a pattern: in steps, and never more than was confirmed."""

from __future__ import annotations

from typing import Annotated

from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refused, new_router
from pydantic import Field, StringConstraints

from redis_management.blobs import Blob, blob
from redis_management.dependencies import Cursor, Pattern, Reading, Writing
from redis_management.keys import KeyType, OfType, find

router = new_router("keys")
ALL = 1_000_000_000
SAMPLE = 10


class Counted(ApiModel):
    """What one step of counting found."""

    matched: int
    looked_at: int
    cursor: str = Field(description="Where to go on; 0 at the end.")
    sample: list[Blob] = Field(description="Some of the keys.")


class DeleteMatching(ApiModel):
    """One step of a deletion by pattern."""

    pattern: str = Field(min_length=1, max_length=1000)
    type: KeyType | None = None
    confirm: str = Field(description="The pattern once more: nothing is deleted where it differs.")
    at_most: int = Field(gt=0, description="How many the caller has agreed to delete; the step stops there.")
    cursor: Annotated[str, StringConstraints(pattern=r"^\d{1,40}$")] = "0"


class DeletedStep(ApiModel):
    """What one step of a deletion did."""

    deleted: int
    cursor: str = Field(description="Where to go on; 0 at the end.")
    more_than_agreed: bool = Field(description="There were more matches than at_most; they are untouched.")


@router.get("/keys/count")
async def count_matching(
    reader: Reading, pattern: Pattern, kind: OfType = None, cursor: Cursor = "0"
) -> Counted:
    """Count the keys that match, one bounded step a call."""
    found = await find(reader, pattern.encode(), kind, int(cursor), ALL)
    return Counted(
        matched=len(found.items),
        looked_at=found.looked_at,
        cursor=str(found.cursor),
        sample=[blob(name) for name in found.items[:SAMPLE]],
    )


@router.post("/keys/delete-matching")
async def delete_matching(writer: Writing, order: DeleteMatching) -> DeletedStep:
    """Delete keys that match, one bounded step a call; count them first."""
    if order.confirm != order.pattern:
        raise Refused(
            "The confirmation does not repeat the pattern; nothing was deleted.",
            hint="Send the pattern again as 'confirm'.",
        )
    found = await find(writer, order.pattern.encode(), order.type, int(order.cursor), ALL)
    agreed = found.items[: order.at_most]
    parts = [agreed[start : start + 1000] for start in range(0, len(agreed), 1000)]
    deleted = sum([await writer.unlink(part) for part in parts])
    return DeletedStep(
        deleted=deleted,
        cursor=str(found.cursor),
        more_than_agreed=len(found.items) > len(agreed),
    )
