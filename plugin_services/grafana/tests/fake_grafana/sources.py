"""Data sources, their health, and queries with made-up answers that follow from what is asked."""

from __future__ import annotations

from math import sin
from typing import Any

from fake_grafana.state import Wrong


def _source(call: Any, uid: str) -> dict[str, Any]:
    found: dict[str, Any] | None = call.org["sources"].get(uid)
    if found is None:
        raise Wrong(404, "Data source not found")
    return found


def list_sources(call: Any) -> Any:
    call.need("datasources:read")
    return list(call.org["sources"].values())


def add_source(call: Any) -> Any:
    call.need("datasources:create")
    entry = {"id": call.state.number(), "orgId": call.org["id"], "readOnly": False, "isDefault": False}
    entry |= {name: value for name, value in call.body.items() if name != "secureJsonData"}
    call.org["sources"][entry["uid"]] = entry
    return {"datasource": entry, "message": "Datasource added"}


def read_source(call: Any) -> Any:
    return _source(call, call.path["uid"])


def delete_source(call: Any) -> Any:
    call.need("datasources:delete")
    if _source(call, call.path["uid"])["readOnly"]:
        raise Wrong(403, "Cannot delete read-only data source")
    del call.org["sources"][call.path["uid"]]
    return {"message": "Data source deleted"}


def health(call: Any) -> Any:
    source = _source(call, call.path["uid"])
    if source["type"] == "no-backend":
        raise Wrong(500, "Unable to find datasource plugin")
    if source["type"] == "alertmanager":
        raise Wrong(503, "Plugin unavailable")
    if "away" in source["uid"]:
        raise Wrong(400, "connect: connection refused", status="ERROR")
    return {"status": "OK", "message": "Data source is working"}


def _frame(query: dict[str, Any], begin: int, end: int) -> dict[str, Any]:
    if query.get("format") == "table":
        fields = [{"name": name, "type": kind} for name, kind in (("host", "string"), ("load", "number"))]
        rows = int(query.get("rows") or 2)
        values: list[list[Any]] = [[f"host-{n}" for n in range(rows)], [n / 4 for n in range(rows)]]
        return {"schema": {"refId": query["refId"], "fields": fields}, "data": {"values": values}}
    step = int(query["intervalMs"])
    times = list(range(begin - begin % step, end + 1, step))
    numbers = [round(50 + 40 * sin(time / 3_600_000 + len(query["expr"])), 3) for time in times]
    labels = {"instance": query["expr"]}
    fields = [
        {"name": "Time", "type": "time", "typeInfo": {"frame": "time.Time"}},
        {"name": "Value", "type": "number", "labels": labels, "config": {"displayNameFromDS": query["expr"]}},
    ]
    return {
        "schema": {"refId": query["refId"], "name": query["expr"], "fields": fields},
        "data": {"values": [times, numbers]},
    }


def query(call: Any) -> Any:
    begin, end = int(call.body["from"]), int(call.body["to"])
    results: dict[str, Any] = {}
    for one in call.body["queries"]:
        source = _source(call, one["datasource"]["uid"])
        if "away" in source["uid"]:
            results[one["refId"]] = {"error": "connect: connection refused", "status": 502, "frames": []}
        else:
            results[one["refId"]] = {"status": 200, "frames": [_frame(one, begin, end)]}
    if any("error" in one for one in results.values()):
        raise Wrong(400, "", results=results)
    return {"results": results}


ROUTES = (
    ("GET", "/api/datasources", list_sources),
    ("POST", "/api/datasources", add_source),
    ("GET", "/api/datasources/uid/{uid}", read_source),
    ("DELETE", "/api/datasources/uid/{uid}", delete_source),
    ("GET", "/api/datasources/uid/{uid}/health", health),
    ("POST", "/api/ds/query", query),
)
