"""Refreshes of a dataset: start one, follow it, cancel it, and those that were."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import Query
from plugway_sdk.web.models import ApiModel, Done
from plugway_sdk.web.problems import new_router
from pydantic import Field

from power_bi.dependencies import ItemId, Reading, WorkspaceId, Writing

router = new_router("refreshes", "/workspaces/{workspace_id}/datasets/{dataset_id}/refreshes")

State = Literal["running", "completed", "failed", "cancelled", "disabled", "unknown"]
_STATES: dict[str, State] = {
    "Completed": "completed", "Failed": "failed", "Cancelled": "cancelled", "Disabled": "disabled",
    "Unknown": "running", "InProgress": "running", "NotStarted": "running",
}  # fmt: skip


class Attempt(ApiModel):
    """The service tries a refresh anew by itself where it failed."""

    number: int
    started: str | None
    ended: str | None
    error: str


class Refresh(ApiModel):
    """One refresh."""

    id: str
    kind: str = Field(description="Scheduled, OnDemand, ViaApi, ViaEnhancedApi and so on.")
    state: State
    started: str | None
    ended: str | None
    error: str = Field(description="What went wrong, in the service's words; empty for nothing.")
    attempts: list[Attempt]
    cancellable: bool = Field(description="Enhanced ones that run are.")


class Refreshes(ApiModel):
    """The newest first. The service keeps between 20 and 60, by age."""

    refreshes: list[Refresh]


class Part(ApiModel):
    """A table, or a partition of it."""

    table: str = Field(min_length=1, max_length=200)
    partition: str | None = Field(default=None, max_length=200)


class NewRefresh(ApiModel):
    """With ``type`` it is an enhanced one, which needs a capacity, and can be cancelled."""

    type: Literal["Full", "ClearValues", "Calculate", "DataOnly", "Automatic", "Defragment"] | None = None
    commit_mode: Literal["transactional", "partialBatch"] | None = None
    max_parallelism: int | None = Field(default=None, ge=1, le=100)
    retry_count: int | None = Field(default=None, ge=0, le=20)
    objects: list[Part] = Field(default_factory=list, max_length=200)


class Started(ApiModel):
    """A refresh that the service has taken."""

    id: str = Field(description="Of the refresh; empty where the service does not tell.")


class PartState(ApiModel):
    """How far a table or partition is."""

    table: str
    partition: str
    state: str


class Details(ApiModel):
    """One enhanced refresh in full."""

    state: State
    type: str
    started: str | None
    ended: str | None
    attempts: int
    messages: list[str]
    objects: list[PartState]


def state_of(word: Any) -> State:
    return _STATES.get(str(word), "unknown")


@router.get("")
async def list_refreshes(
    service: Reading,
    workspace_id: WorkspaceId,
    dataset_id: ItemId,
    limit: Annotated[int, Query(ge=1, le=60, description="At most so many.")] = 20,
) -> Refreshes:
    """The history, with the refresh that runs."""
    found = await service.entries(_path(workspace_id, dataset_id), {"top": limit})
    return Refreshes(refreshes=[_refresh(one) for one in found[:limit]])


@router.post("", status_code=202)
async def start_refresh(
    service: Writing, workspace_id: WorkspaceId, dataset_id: ItemId, new: NewRefresh | None = None
) -> Started:
    """Start one. It is refused while another one runs, and where the day's number of them is used up."""
    body: dict[str, Any] = {}
    if new is not None:
        body = new.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
    # Mails go to people; a service principal gets none.
    answer = await service.send(
        "POST", _path(workspace_id, dataset_id), body or {"notifyOption": "NoNotification"}
    )
    place = answer.headers.get("location", "").rpartition("/")[2]
    return Started(id=answer.headers.get("requestid") or answer.headers.get("x-ms-request-id") or place)


@router.get("/{refresh_id}")
async def read_refresh(
    service: Reading, workspace_id: WorkspaceId, dataset_id: ItemId, refresh_id: ItemId
) -> Details:
    """An enhanced refresh with its tables; of others the service tells no more than the history does."""
    found = await service.get(f"{_path(workspace_id, dataset_id)}/{refresh_id}")
    return Details(
        state=state_of(found.get("extendedStatus") or found.get("status")),
        type=str(found.get("type") or ""),
        started=found.get("startTime"),
        ended=found.get("endTime"),
        attempts=int(found.get("numberOfAttempts") or 0),
        messages=[str(one.get("message")) for one in found.get("messages") or () if one.get("message")],
        objects=[
            PartState(
                table=str(one.get("table") or ""),
                partition=str(one.get("partition") or ""),
                state=str(one.get("status") or ""),
            )
            for one in found.get("objects") or ()
        ],
    )


@router.delete("/{refresh_id}")
async def cancel_refresh(
    service: Writing, workspace_id: WorkspaceId, dataset_id: ItemId, refresh_id: ItemId
) -> Done:
    """Cancel an enhanced refresh that runs; what it read so far is thrown away."""
    await service.send("DELETE", f"{_path(workspace_id, dataset_id)}/{refresh_id}")
    return Done()


def _path(workspace_id: str, dataset_id: str) -> str:
    return f"/groups/{workspace_id}/datasets/{dataset_id}/refreshes"


def _refresh(entry: dict[str, Any]) -> Refresh:
    state = state_of(entry.get("extendedStatus") or entry.get("status"))
    kind = str(entry.get("refreshType") or "")
    return Refresh(
        id=str(entry.get("requestId") or ""),
        kind=kind,
        state=state,
        started=entry.get("startTime"),
        ended=entry.get("endTime"),
        error=_words(entry.get("serviceExceptionJson")),
        attempts=[
            Attempt(
                number=int(one.get("attemptId") or 0),
                started=one.get("startTime"),
                ended=one.get("endTime"),
                error=_words(one.get("serviceExceptionJson")),
            )
            for one in entry.get("refreshAttempts") or ()
        ],
        cancellable=state == "running" and kind == "ViaEnhancedApi",
    )


def _words(text: Any) -> str:
    """The service's own JSON in a text: a code, and a description where there is one."""
    if not text:
        return ""
    try:
        found = json.loads(str(text))
    except ValueError:
        return str(text)[:500]
    if not isinstance(found, dict):
        return str(text)[:500]
    parts = (found.get("errorCode"), found.get("errorDescription"))
    return ": ".join(str(one) for one in parts if one)[:500]
