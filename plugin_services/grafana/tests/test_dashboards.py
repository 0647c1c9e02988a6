"""Organisations, folders, dashboards with versions, their view, and snapshots."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from plugway_sdk.testing import PluginClient

from plugin_services.grafana.tests.conftest import BOARD, BOTH, rule


async def ok(answer: Any) -> Any:
    return (await answer).raise_for_status().json()


@BOTH
async def test_organisations(client: PluginClient, open_plugin: Any, shared: Any) -> None:
    made = await ok(client.post("/organisations", json={"name": "Second"}))
    taken = await client.post("/organisations", json={"name": "Second"})
    assert (taken.status_code, taken.json()["detail"]) == (409, "Organization name taken.")
    page = await ok(client.get("/organisations?search=sec"))
    assert page == {"organisations": [made], "more": False, "all": True, "current": 1}
    (await client.put(f"/organisations/{made['id']}", json={"name": "Other"})).raise_for_status()
    # Each call is about the organisation that it names.
    query = {"organisation": made["id"]}
    folder = await ok(client.post("/folders", params=query, json={"title": "Only here"}))
    (listed,) = (await ok(client.get("/folders", params=query)))["folders"]
    assert listed == folder
    assert (await client.get(f"/folders/{folder['uid']}")).status_code == 404
    wrong = await client.delete(f"/organisations/{made['id']}?confirm=Second")
    assert (wrong.status_code, wrong.json()["hint"]) == (422, "Type Other to delete it.")
    (await client.delete(f"/organisations/{made['id']}?confirm=Other")).raise_for_status()
    # A token belongs to one organisation, and sees that one.
    async with open_plugin(shared, **shared.by_token) as other:
        page = await ok(other.get("/organisations"))
        assert (page["organisations"], page["all"]) == ([{"id": 1, "name": "Main Org."}], False)


@BOTH
async def test_folders(client: PluginClient) -> None:
    top = await ok(client.post("/folders", json={"title": "Top"}))
    inner = await ok(client.post("/folders", json={"title": "Inner", "parent": top["uid"]}))
    assert (await client.post("/folders", json={"title": "Top"})).status_code == 409
    details = await ok(client.get(f"/folders/{inner['uid']}"))
    assert [one["title"] for one in details["parents"]] == ["Top"]
    # Whoever saw an older state is told, unless it is to be overwritten.
    change = {"title": "Renamed", "version": details["version"]}
    (await client.put(f"/folders/{inner['uid']}", json=change)).raise_for_status()
    late = await client.put(f"/folders/{inner['uid']}", json=change)
    assert (late.status_code, late.json()["detail"]) == (409, "Somebody else has changed it meanwhile.")
    (await client.put(f"/folders/{inner['uid']}", json={"title": "Mine"})).raise_for_status()
    circle = await client.post(f"/folders/{top['uid']}/move", json={"parent": inner["uid"]})
    assert (circle.status_code, circle.json()["detail"]) == (422, "A folder cannot lie below itself.")
    assert (await ok(client.post(f"/folders/{inner['uid']}/move", json={})))["parent"] == ""
    for folder, name in ((inner, "Mine"), (top, "Top")):
        assert (await client.delete(f"/folders/{folder['uid']}?confirm=x")).status_code == 422
        (await client.delete(f"/folders/{folder['uid']}?confirm={name}")).raise_for_status()
    assert (await client.get(f"/folders/{top['uid']}")).status_code == 404


@BOTH
async def test_a_folder_keeps_its_rules_unless_they_are_to_go(client: PluginClient, shared: Any) -> None:
    folder = await ok(client.post("/folders", json={"title": "Ruled"}))
    ruled = rule("r", folderUID=folder["uid"])
    await asyncio.to_thread(shared.do, "POST", "/api/v1/provisioning/alert-rules", ruled)
    # Version 10.0 does not count them.
    assert (await ok(client.get(f"/folders/{folder['uid']}")))["counts"].get("alertrule", 1) == 1
    kept = await client.delete(f"/folders/{folder['uid']}?confirm=Ruled")
    assert (kept.status_code, "alert rules" in kept.json()["detail"]) == (422, True)
    (await client.delete(f"/folders/{folder['uid']}?confirm=Ruled&rules=true")).raise_for_status()


@BOTH
async def test_search_and_details(client: PluginClient) -> None:
    for query in ("search=product", "tag=prod&tag=web", "folder=ops"):
        (found,) = (await ok(client.get(f"/dashboards?{query}")))["dashboards"]
        assert (found["uid"], found["folderTitle"]) == ("board", "Operations")
    assert (await ok(client.get("/dashboards?tag=other")))["dashboards"] == []
    assert {"name": "prod", "count": 1} in (await ok(client.get("/dashboards/tags")))["tags"]
    details = await ok(client.get("/dashboards/board"))
    assert (details["title"], details["panels"], details["createdBy"]) == ("Production", 6, "admin")
    missing = await client.get("/dashboards/nowhere")
    assert (missing.status_code, missing.json()["detail"]) == (404, "Dashboard not found.")
    # Nothing of a caller's becomes another path of the server.
    assert (await client.get("/dashboards/..%2F..%2Forg")).status_code in (404, 422)


@BOTH
async def test_export_import_and_delete(client: PluginClient) -> None:
    exported = (await client.get("/dashboards/board/export")).raise_for_status()
    assert exported.headers["content-disposition"] == 'attachment; filename="Production.json"'
    model = exported.json()
    assert model["id"] is None
    there = await client.post("/dashboards/import", json={"dashboard": model})
    assert (there.status_code, there.json()["hint"]) == (409, "Say that it is to be replaced.")
    copy = {**model, "uid": None, "title": "Copy"}
    made = await ok(client.post("/dashboards/import", json={"dashboard": copy, "folder": "ops"}))
    assert (await ok(client.get(f"/dashboards/{made['uid']}")))["folder"] == "ops"
    body = {"dashboard": {**copy, "uid": made["uid"], "title": "New"}, "overwrite": True, "message": "why"}
    assert (await ok(client.post("/dashboards/import", json=body)))["version"] == 2
    assert (await client.delete(f"/dashboards/{made['uid']}?confirm=Copy")).status_code == 422
    (await client.delete(f"/dashboards/{made['uid']}?confirm=New")).raise_for_status()
    assert (await client.get(f"/dashboards/{made['uid']}")).status_code == 404


async def test_a_file_of_a_collection_asks_for_its_data_sources(client: PluginClient) -> None:
    target = {"refId": "A", "expr": "up"}
    panel = {"id": 1, "type": "timeseries", "datasource": "${DS_PROM}", "targets": [target]}
    inputs = [{"name": "DS_PROM", "type": "datasource", "pluginId": "prometheus"}]
    file: dict[str, Any] = {"dashboard": {"title": "From afar", "panels": [panel], "__inputs": inputs}}
    refused = await client.post("/dashboards/import", json=file)
    assert refused.json()["detail"] == "The dashboard leaves open: DS_PROM (prometheus)."
    made = await ok(client.post("/dashboards/import", json={**file, "inputs": {"DS_PROM": "prom"}}))
    data = await ok(client.get(f"/dashboards/{made['uid']}/panels/1/data"))
    assert [one["name"] for one in data["series"]] == ["up"]
    assert "__inputs" not in await ok(client.get(f"/dashboards/{made['uid']}/export"))
    (await client.delete(f"/dashboards/{made['uid']}?confirm=From afar")).raise_for_status()
    for nonsense in ({}, {"title": " "}, {"title": 3}):
        assert (await client.post("/dashboards/import", json={"dashboard": nonsense})).status_code == 422


@BOTH
async def test_versions(client: PluginClient, shared: Any) -> None:
    uid = await asyncio.to_thread(shared.board, uid="versioned", title="First")
    for title in ("Second", "Third"):
        await asyncio.to_thread(shared.board, uid=uid, title=title)
    page = await ok(client.get(f"/dashboards/{uid}/versions?limit=2"))
    assert [one["version"] for one in page["versions"]] == [3, 2]
    assert (page["more"], page["current"]) == (True, 3)
    rest = await ok(client.get(f"/dashboards/{uid}/versions?start=2&limit=2"))
    assert ([one["version"] for one in rest["versions"]], rest["more"]) == ([1], False)
    compared = await ok(client.get(f"/dashboards/{uid}/versions/1"))
    assert compared["changes"] == [{"path": "title", "before": "First", "after": "Third"}]
    path = f"/dashboards/{uid}/versions/1/restore"
    assert (await client.post(path, json={"current": 2})).status_code == 409
    assert (await ok(client.post(path, json={"current": 3})))["version"] == 4
    assert (await ok(client.get(f"/dashboards/{uid}")))["title"] == "First"
    (await client.delete(f"/dashboards/{uid}?confirm=First")).raise_for_status()


async def test_view(client: PluginClient) -> None:
    view = await ok(client.get("/dashboards/board/view"))
    assert (view["begin"], view["end"], view["refresh"]) == ("now-1h", "now", 30)
    assert [one["kind"] for one in view["panels"]] == ["plot", "figure", "text", "table", "other", "plot"]
    assert view["variables"][0]["options"] == {"api": "api", "web": "web"}
    data = await ok(client.get("/dashboards/board/panels/1/data?begin=now-1h&var=job=web"))
    first, second = data["series"]
    # Its own words stay the data source's.
    assert (first["name"], second["name"]) == ("rate(web[$__rate_interval])", "up")
    assert len(first["times"]) == len(first["values"]) > 100
    assert data["begin"] <= first["times"][10] <= data["end"]
    figure = await ok(client.get("/dashboards/board/panels/2/data"))
    assert figure["series"][0]["figure"] == figure["series"][0]["values"][-1]
    (hosts,) = (await ok(client.get("/dashboards/board/panels/3/data")))["tables"]
    assert (hosts["columns"][0]["name"], hosts["rows"]) == ("host", [["host-0", 0], ["host-1", 0.25]])
    broken = await ok(client.get("/dashboards/board/panels/6/data"))
    assert broken["problems"] == [{"query": "A", "message": "connect: connection refused"}]
    for query in ("begin=now&end=now-1h", "begin=yesterday", "var=job=x", "var=other=x", "points=1"):
        assert (await client.get(f"/dashboards/board/panels/1/data?{query}")).status_code == 422, query
    assert (await client.get("/dashboards/board/panels/77/data")).status_code == 404


async def test_a_look_at_a_page_reads_the_dashboard_once(client: PluginClient, shared: Any) -> None:
    await asyncio.to_thread(shared.trouble)
    panels = [client.get(f"/dashboards/board/panels/{number}/data") for number in (1, 2, 3)]
    for answer in await asyncio.gather(*panels):
        answer.raise_for_status()
    seen = await asyncio.to_thread(shared.seen)
    assert seen.count("GET /api/dashboards/uid/board") == 1
    assert seen.count("POST /api/ds/query") == 3


async def test_snapshots_hold_data(client: PluginClient, shared: Any) -> None:
    body = {"dashboard": "board", "name": "For the report", "expires": 3600, "begin": "now-1h"}
    made = await ok(client.post("/snapshots", json=body))
    assert made["link"] == f"{shared.url}/dashboard/snapshot/{made['key']}"
    assert made["problems"] == ["Broken: connect: connection refused"]
    kept = (await asyncio.to_thread(shared.do, "GET", f"/api/snapshots/{made['key']}"))["dashboard"]
    (plot,) = [one for one in kept["panels"] if one["id"] == 1]
    assert plot["targets"] == []
    assert [frame["fields"][1]["values"][0] for frame in plot["snapshotData"]]
    assert BOARD["panels"][0]["targets"][0]["expr"] not in json.dumps(kept["panels"])
    page = await ok(client.get("/snapshots?search=report"))
    assert [(one["key"], one["name"]) for one in page["snapshots"]] == [(made["key"], "For the report")]
    assert (await client.delete(f"/snapshots/{made['key']}?confirm=x")).status_code == 422
    (await client.delete(f"/snapshots/{made['key']}?confirm=For the report")).raise_for_status()
    assert (await ok(client.get("/snapshots")))["total"] == 0
