"""When a dataset is refreshed by itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from plugway_sdk.web.models import ApiModel, Done
from plugway_sdk.web.problems import new_router
from pydantic import Field, StringConstraints

from power_bi.dependencies import ItemId, Reading, WorkspaceId, Writing

router = new_router("schedule", "/workspaces/{workspace_id}/datasets/{dataset_id}/schedule")

Day = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
Time = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):(00|30)$")]


class Schedule(ApiModel):
    """Days and times of a week; full and half hours, as the service has it."""

    enabled: bool
    days: list[Day] = Field(max_length=7)
    times: list[Time] = Field(max_length=48)
    time_zone: str = Field(max_length=100, description="As Windows names it, such as 'UTC'.")


@router.get("")
async def read_schedule(service: Reading, workspace_id: WorkspaceId, dataset_id: ItemId) -> Schedule:
    """The schedule that is set."""
    found = await service.get(f"/groups/{workspace_id}/datasets/{dataset_id}/refreshSchedule")
    return Schedule(
        enabled=bool(found.get("enabled")),
        days=list(found.get("days") or ()),
        times=list(found.get("times") or ()),
        time_zone=str(found.get("localTimeZoneId") or "UTC"),
    )


@router.put("")
async def set_schedule(
    service: Writing, workspace_id: WorkspaceId, dataset_id: ItemId, new: Schedule
) -> Done:
    """Set it. Only the dataset's owner may: take it over first where that is somebody else."""
    path = f"/groups/{workspace_id}/datasets/{dataset_id}/refreshSchedule"
    value: dict[str, Any] = {"enabled": new.enabled}
    # One that is switched off keeps what it had: the service takes no other change with it.
    if new.enabled:
        value |= {"days": new.days, "times": new.times, "localTimeZoneId": new.time_zone}
        value["notifyOption"] = "NoNotification"
    await service.send("PATCH", path, {"value": value})
    return Done()
