"""Silences: which alerts are not told to anybody, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Path, Query
from plugway_sdk import current_call
from plugway_sdk.errors import NoCall
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import new_router
from pydantic import Field

from grafana_management.dependencies import Done, Limit, Page, Reading, Search, Writing, cut, matches

router = new_router("alerts", "/silences")
_PATH = "/api/alertmanager/grafana/api/v2"
_ORDER = {"active": 0, "pending": 1, "expired": 2}
SilenceId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$")]


class Matcher(ApiModel):
    """A condition on one label."""

    name: str = Field(min_length=1, max_length=200)
    value: str = Field(max_length=500)
    is_regex: bool = False
    is_equal: bool = True


class Silence(ApiModel):
    """One silence."""

    id: str
    state: str = Field(description="active, pending or expired.")
    matchers: list[Matcher]
    begins: str
    ends: str
    comment: str
    created_by: str


class SilencePage(ApiModel):
    """Some silences: those in force first."""

    silences: list[Silence]
    more: bool
    total: int


class NewSilence(ApiModel):
    """A silence from now on."""

    matchers: list[Matcher] = Field(min_length=1, max_length=50)
    minutes: int = Field(ge=1, le=60 * 24 * 366)
    comment: str = Field(min_length=1, max_length=1000, description="Why.")


class SilenceMade(ApiModel):
    """Which one it is."""

    id: str


def _view(entry: dict[str, Any]) -> Silence:
    return Silence(
        id=str(entry["id"]),
        state=str((entry.get("status") or {}).get("state") or ""),
        matchers=[
            Matcher(
                name=one["name"],
                value=one["value"],
                is_regex=bool(one.get("isRegex")),
                is_equal=bool(one.get("isEqual", True)),
            )
            for one in entry.get("matchers") or ()
        ],
        begins=str(entry.get("startsAt") or ""),
        ends=str(entry.get("endsAt") or ""),
        comment=str(entry.get("comment") or ""),
        created_by=str(entry.get("createdBy") or ""),
    )


def _asker() -> str:
    """Who asks; not known where the page is served alone, without a gateway."""
    try:
        return current_call().user or "plugway"
    except NoCall:
        return "plugway"


@router.get("")
async def list_silences(
    link: Reading,
    search: Search = "",
    expired: Annotated[bool, Query(description="Those that are over, too.")] = False,
    page: Page = 1,
    limit: Limit = 100,
) -> SilencePage:
    """Silences page by page."""
    found = [_view(entry) for entry in await link.get(f"{_PATH}/silences")]
    found = [
        one
        for one in found
        if (expired or one.state != "expired")
        and matches(search, one.comment, one.created_by, *(f"{m.name}={m.value}" for m in one.matchers))
    ]
    found.sort(key=lambda one: one.ends, reverse=True)
    found.sort(key=lambda one: _ORDER.get(one.state, 3))
    shown, more = cut(found, page, limit)
    return SilencePage(silences=shown, more=more, total=len(found))


@router.post("", status_code=201)
async def create_silence(link: Writing, new: NewSilence) -> SilenceMade:
    """Silence what matches, from now on."""
    now = datetime.now(UTC)
    body = {
        "matchers": [one.model_dump(by_alias=True) for one in new.matchers],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(minutes=new.minutes)).isoformat(),
        "comment": new.comment,
        "createdBy": _asker(),
    }
    made = await link.send("POST", f"{_PATH}/silences", body)
    return SilenceMade(id=str(made.get("silenceID") or made.get("id") or ""))


@router.delete("/{silence}")
async def end_silence(link: Writing, silence: SilenceId) -> Done:
    """End it now; it stays in the list as one that is over."""
    await link.send("DELETE", f"{_PATH}/silence/{silence}")
    return Done()
