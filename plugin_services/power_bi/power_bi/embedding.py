"""Tokens to show one report, to look at it and nothing else.

https://learn.microsoft.com/rest/api/power-bi/embed-token/reports-generate-token-in-group
"""

from __future__ import annotations

from datetime import UTC, datetime

from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import new_router
from pydantic import Field

from power_bi.dependencies import ItemId, Reading, WorkspaceId
from power_bi.problems import not_power_bi
from power_bi.service import EMBEDDING

PREFIX = "/embed"
"""Of a path of its own, as whoever may look may ask for one."""
router = new_router("embedding", PREFIX)


class Embedding(ApiModel):
    """What a page needs to show one report, and nothing else, until the token ends."""

    report_id: str
    name: str
    embed_url: str = Field(description="The page to show in a frame.")
    token: str = Field(description="For that report alone, to look at it.")
    token_id: str
    expires: str = Field(description="When the token ends; ask for another one before.")
    seconds: int | None = Field(description="Until then; null where the service does not tell.")


@router.post("/{workspace_id}/{report_id}")
async def embed_report(service: Reading, workspace_id: WorkspaceId, report_id: ItemId) -> Embedding:
    """A token to look at this report. It is told to whoever asks here, and kept and logged nowhere."""
    path = f"/groups/{workspace_id}/reports/{report_id}"
    found = await service.get(path)
    answer = await service.send("POST", path + EMBEDDING, {"accessLevel": "View"})
    made = answer.document()
    if not made.get("token") or not found.get("embedUrl"):
        raise not_power_bi(answer)
    return Embedding(
        report_id=report_id,
        name=str(found.get("name") or ""),
        embed_url=str(found["embedUrl"]),
        token=str(made["token"]),
        token_id=str(made.get("tokenId") or ""),
        expires=str(made.get("expiration") or ""),
        seconds=_seconds_until(str(made.get("expiration") or "")),
    )


def _seconds_until(moment: str) -> int | None:
    try:
        end = datetime.fromisoformat(moment)
    except ValueError:
        return None
    # The service means UTC where it does not say.
    end = end if end.tzinfo else end.replace(tzinfo=UTC)
    return max(0, round((end - datetime.now(UTC)).total_seconds()))
