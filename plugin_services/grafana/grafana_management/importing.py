"""Dashboards from files: of an export, or of a collection, which leaves data sources to be chosen."""

from __future__ import annotations

from typing import Any

from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Conflict, Refused, new_router
from pydantic import Field

from grafana_management.dependencies import Writing
from grafana_management.problems import CHANGED, EXISTS, REPLACE

router = new_router("dashboards", "/dashboards")
DEEPEST = 60


class ImportFile(ApiModel):
    """A dashboard to make, or to put in another's place."""

    dashboard: dict[str, Any] = Field(description="Its JSON, as Grafana exports it.")
    folder: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,64}$", description="Its uid; empty: the root.")
    inputs: dict[str, str] = Field(
        default_factory=dict, description="What each of its inputs is: for a data source, its uid."
    )
    overwrite: bool = Field(default=False, description="Replace one of the same identity or name.")
    message: str = Field(default="", max_length=500, description="For the list of versions.")


class Imported(ApiModel):
    """What came of it."""

    uid: str
    version: int


def wanted_inputs(dashboard: dict[str, Any]) -> dict[str, str]:
    """The dashboard's inputs by name, and what each is of: a data source's type, or ``constant``."""
    wanted = {}
    for entry in dashboard.get("__inputs") or ():
        if isinstance(entry, dict) and entry.get("name"):
            kind = entry.get("pluginId") if entry.get("type") == "datasource" else entry.get("type")
            wanted[str(entry["name"])] = str(kind or "")
    return wanted


def filled(value: Any, inputs: dict[str, str], depth: int = 0) -> Any:
    """A copy in which each ``${NAME}`` of the inputs is its value; raises Refused for what is too deep."""
    if depth > DEEPEST:
        raise Refused("The dashboard's JSON is nested too deeply.")
    if isinstance(value, dict):
        return {name: filled(one, inputs, depth + 1) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, inputs, depth + 1) for one in value]
    if isinstance(value, str) and "${" in value:
        for name, chosen in inputs.items():
            value = value.replace(f"${{{name}}}", chosen)
    return value


@router.post("/import", status_code=201)
async def import_dashboard(link: Writing, file: ImportFile) -> Imported:
    """Make a dashboard of a file; a conflict where there is one of that identity already."""
    dashboard = file.dashboard
    # What Grafana's own API answers has the dashboard inside.
    if isinstance(dashboard.get("dashboard"), dict) and "panels" not in dashboard:
        dashboard = dashboard["dashboard"]
    if not isinstance(dashboard.get("title"), str) or not dashboard["title"].strip():
        raise Refused(
            "This is no dashboard of Grafana: it has no title.", hint="Take a file that Grafana exported."
        )
    wanted = wanted_inputs(dashboard)
    if missing := sorted(name for name in wanted if not file.inputs.get(name)):
        told = ", ".join(f"{name} ({wanted[name]})" if wanted[name] else name for name in missing)
        raise Refused(f"The dashboard leaves open: {told}.", hint="Say which data source each of them is.")
    model = filled({**dashboard, "id": None}, {name: file.inputs[name] for name in wanted})
    for name in ("__inputs", "__requires", "__elements"):
        model.pop(name, None)
    if not file.overwrite:
        # With a version it would be a change of the one that there is, and refused as a late one.
        model.pop("version", None)
    body = {
        "dashboard": model,
        "folderUid": file.folder,
        "overwrite": file.overwrite,
        "message": file.message,
    }
    try:
        made = await link.send("POST", "/api/dashboards/db", body)
    except Conflict as conflict:
        if file.overwrite or conflict.detail != CHANGED:
            raise
        # Of a dashboard that came without a version this says no more than that there is one.
        raise Conflict(EXISTS, hint=REPLACE) from None
    return Imported(uid=str(made["uid"]), version=int(made.get("version") or 1))
