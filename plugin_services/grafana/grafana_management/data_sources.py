"""Data sources, and whether they answer."""

from __future__ import annotations

from typing import Any

from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal, new_router
from pydantic import Field

from grafana_management.dependencies import (
    Confirm,
    Done,
    Limit,
    Page,
    Reading,
    Search,
    Uid,
    Writing,
    confirmed,
    cut,
    matches,
)

router = new_router("data sources", "/data-sources")
_UNKNOWN = "Unable to find datasource plugin"
_IN_PAGES = "Plugin unavailable"
"""Of a kind that Grafana's pages alone talk to."""


class DataSource(ApiModel):
    """One data source, without what it logs in by."""

    uid: str
    name: str
    type: str
    url: str
    database: str
    default: bool
    provisioned: bool = Field(description="It comes from a file on the server, and changes only there.")


class DataSourcePage(ApiModel):
    """Some data sources, by name."""

    data_sources: list[DataSource]
    more: bool
    total: int


class Health(ApiModel):
    """Whether the data source answers, in its own words."""

    ok: bool | None = Field(description="null where this kind of data source has no check.")
    message: str


def _view(entry: dict[str, Any]) -> DataSource:
    # An address may have a login in it, of old.
    url = str(entry.get("url") or "")
    scheme, _, rest = url.rpartition("://")
    authority, slash, path = rest.partition("/")
    bare = authority.rpartition("@")[2] + slash + path
    return DataSource(
        uid=str(entry["uid"]),
        name=str(entry.get("name", "")),
        type=str(entry.get("type", "")),
        url=f"{scheme}://{bare}" if scheme else bare,
        database=str(entry.get("database") or (entry.get("jsonData") or {}).get("database") or ""),
        default=bool(entry.get("isDefault")),
        provisioned=bool(entry.get("readOnly")),
    )


@router.get("")
async def list_data_sources(
    link: Reading, search: Search = "", page: Page = 1, limit: Limit = 100
) -> DataSourcePage:
    """Data sources page by page."""
    found = [_view(entry) for entry in await link.get("/api/datasources")]
    found = [one for one in found if matches(search, one.name, one.type, one.url)]
    found.sort(key=lambda one: one.name.lower())
    shown, more = cut(found, page, limit)
    return DataSourcePage(data_sources=shown, more=more, total=len(found))


@router.get("/{uid}")
async def read_data_source(link: Reading, uid: Uid) -> DataSource:
    """One data source."""
    return _view(await link.get(f"/api/datasources/uid/{uid}"))


@router.get("/{uid}/health")
async def check_data_source(link: Reading, uid: Uid) -> Health:
    """Have Grafana ask it now."""
    source = await link.get(f"/api/datasources/uid/{uid}")
    try:
        found = await link.get(f"/api/datasources/uid/{uid}/health", accept=_is_health)
    except Refusal as refusal:
        if refusal.key not in ("not-found", "not-supported"):
            raise
        return Health(ok=None, message="This kind of data source has no check.")
    if found.get("message") == _UNKNOWN:
        return Health(ok=False, message=f"Grafana has no plugin of the kind {source.get('type')}.")
    if found.get("message") == _IN_PAGES:
        return Health(ok=None, message="This kind of data source has no check.")
    return Health(ok=str(found["status"]).upper() == "OK", message=str(found.get("message") or ""))


def _is_health(document: Any) -> bool:
    """Also what is no success of Grafana's, but says something of the data source."""
    if not isinstance(document, dict):
        return False
    return document.get("status") in ("OK", "ERROR", "UNKNOWN") or document.get("message") in (
        _UNKNOWN,
        _IN_PAGES,
    )


@router.delete("/{uid}")
async def delete_data_source(link: Writing, uid: Uid, confirm: Confirm) -> Done:
    """Delete it; what asks it shows errors from then on."""
    confirmed(confirm, str((await link.get(f"/api/datasources/uid/{uid}"))["name"]))
    await link.send("DELETE", f"/api/datasources/uid/{uid}")
    return Done()
