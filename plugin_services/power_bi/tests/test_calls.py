"""What the plugin makes of a Power BI, call by call."""

from __future__ import annotations

from typing import Any

from plugway_sdk.testing import PluginClient

from plugin_services.power_bi.tests import content

SALES = f"/workspaces/{content.SALES}"
ORDERS = f"{SALES}/datasets/{content.ORDERS}"
BUDGET = f"{SALES}/datasets/{content.BUDGET}"


async def found(client: PluginClient, path: str, **query: Any) -> Any:
    return (await client.get(path, params=query)).raise_for_status().json()


async def test_workspaces_come_in_pages_that_the_service_cuts(client: PluginClient, well: Any) -> None:
    names: list[str] = []
    after: int | None = 0
    while after is not None:
        page = await found(client, "/workspaces", limit=100, after=after)
        names += [one["name"] for one in page["workspaces"]]
        after = page["after"]
    assert names == [one["name"] for one in content.WORKSPACES]
    asked = [one["query"] for one in (await well.told())["log"] if one["path"].endswith("/groups")]
    assert [query.replace("%24", "$") for query in asked] == [
        f"$top=101&$skip={skip}" for skip in (0, 100, 200)
    ]
    searched = await found(client, "/workspaces", search="b's")
    assert [one["name"] for one in searched["workspaces"]] == ["Bob's own"]
    assert searched["after"] is None
    sales = await found(client, SALES)
    assert sales == {"id": content.SALES, "name": "Sales", "capacity": True, "readOnly": False}
    gone = await client.get(f"/workspaces/{content.guid('workspace', 'gone')}")
    assert (gone.status_code, gone.json()["detail"]) == (404, "There is no such workspace.")


async def test_a_workspace_with_many_reports(client: PluginClient) -> None:
    path = f"/workspaces/{content.MANY_REPORTS}/reports"
    first = await found(client, path)
    assert (len(first["reports"]), first["after"], first["total"]) == (100, 100, content.MANY)
    last = await found(client, path, after=content.MANY - 50)
    assert (len(last["reports"]), last["after"]) == (50, None)
    assert last["reports"][-1]["name"] == f"Report {content.MANY - 1:04}"
    few = await found(client, path, search="report 11")
    assert few["total"] == 100


async def test_reports_dashboards_and_tiles(client: PluginClient) -> None:
    page = await found(client, f"{SALES}/reports")
    assert [one["name"] for one in page["reports"]] == [
        "customers by region", "Invoice", "Pay slips", "Revenue",
    ]  # fmt: skip
    revenue = await found(client, f"{SALES}/reports/{content.REVENUE}")
    assert revenue["datasetId"] == content.ORDERS
    assert revenue["webUrl"].endswith(content.REVENUE)
    board = await found(client, f"{SALES}/dashboards")
    assert [one["name"] for one in board["dashboards"]] == ["Board"]
    tiles = await found(client, f"{SALES}/dashboards/{content.BOARD}/tiles")
    assert [(one["title"], one["reportId"]) for one in tiles["tiles"]] == [
        ("", None),
        ("Total", content.REVENUE),
    ]
    empty = await found(client, f"/workspaces/{content.EMPTY}/reports")
    assert empty == {"reports": [], "after": None, "total": 0}


async def test_a_dataset_and_what_it_is_made_of(client: PluginClient) -> None:
    page = await found(client, f"{SALES}/datasets", search="e")
    assert [one["name"] for one in page["datasets"]] == ["Budget", "Orders", "People"]
    orders = await found(client, ORDERS)
    assert (orders["name"], orders["refreshable"], orders["owner"]) == ("Orders", True, content.OWNER)
    parts = await found(client, f"{ORDERS}/parts")
    assert parts["parameters"] == [
        {"name": "Year", "type": "Number", "required": True, "value": "2026", "suggested": ["2025", "2026"]}
    ]
    (source,) = parts["sources"]
    assert source["details"] == {"server": "sql.contoso.example", "database": "orders"}


async def test_refresh_follow_fail_and_cancel(client: PluginClient, well: Any) -> None:
    path = f"{ORDERS}/refreshes"
    started = await client.post(path)
    assert started.status_code == 202
    (running,) = (await found(client, path))["refreshes"]
    assert (running["id"], running["state"], running["cancellable"]) == (
        started.json()["id"],
        "running",
        False,
    )
    kept = (await well.told())["kept"]["refreshes"][content.ORDERS]
    assert kept[0]["asked"] == {"notifyOption": "NoNotification"}
    again = await client.post(path)
    assert (again.status_code, again.json()["type"]) == (409, "urn:plugway:power-bi:conflict")
    assert "is running already" in again.json()["detail"]
    await well.told(finish={content.ORDERS: content.FAILED})
    (failed,) = (await found(client, path))["refreshes"]
    assert (failed["state"], failed["error"]) == ("failed", "ModelRefreshFailed_CredentialsNotSpecified")
    assert failed["attempts"][0]["error"] == "DM_GWPipeline_Gateway_Timeout: It took too long."

    enhanced = {"type": "Full", "commitMode": "transactional", "objects": [{"table": "Orders"}]}
    second = (await client.post(path, json=enhanced)).raise_for_status().json()["id"]
    assert (await well.told())["kept"]["refreshes"][content.ORDERS][0]["asked"] == enhanced
    details = await found(client, f"{path}/{second}")
    assert (details["state"], details["type"], len(details["objects"])) == ("running", "Full", 2)
    assert (await found(client, path, limit=1))["refreshes"][0]["cancellable"] is True
    (await client.delete(f"{path}/{second}")).raise_for_status()
    assert [one["state"] for one in (await found(client, path))["refreshes"]] == ["cancelled", "failed"]
    twice = await client.delete(f"{path}/{second}")
    assert (twice.status_code, twice.json()["detail"]) == (
        422, "Power BI does not take this: This refresh cannot be cancelled.",
    )  # fmt: skip
    assert (await client.get(f"{path}/{content.guid('refresh', 'none')}")).status_code == 404


async def test_the_limits_of_a_shared_capacity_are_told(client: PluginClient, well: Any) -> None:
    path = f"{BUDGET}/refreshes"
    refused = await client.post(path, json={"type": "Full"})
    assert "not supported for shared capacity" in refused.json()["detail"]
    for _ in range(8):
        (await client.post(path)).raise_for_status()
        await well.told(finish={content.BUDGET: {"status": "Completed"}})
    ninth = await client.post(path)
    assert ninth.status_code == 409
    assert "all refreshes that it may have in a day" in ninth.json()["detail"]


async def test_the_schedule_is_the_owners_and_a_dataset_can_be_taken_over(client: PluginClient) -> None:
    path = f"{BUDGET}/schedule"
    before = await found(client, path)
    assert before == {
        "enabled": True,
        "days": ["Monday", "Friday"],
        "times": ["07:00", "16:30"],
        "timeZone": "UTC",
    }
    new = {**before, "days": ["Sunday"], "times": ["06:30"]}
    refused = await client.put(path, json=new)
    assert refused.status_code == 403
    assert "Only the owner" in refused.json()["detail"]
    wrong = await client.post(f"{BUDGET}/take-over", params={"confirm": "budget"})
    assert (wrong.status_code, wrong.json()["hint"]) == (422, "Type Budget to take it over.")
    (await client.post(f"{BUDGET}/take-over", params={"confirm": "Budget"})).raise_for_status()
    assert (await found(client, BUDGET))["owner"] == content.OWNER
    (await client.put(path, json=new)).raise_for_status()
    assert await found(client, path) == new
    (await client.put(path, json={**new, "enabled": False})).raise_for_status()
    assert await found(client, path) == {**new, "enabled": False}
    assert (await client.put(path, json={**new, "times": ["06:15"]})).status_code == 422


async def test_an_embed_token_is_for_one_report(client: PluginClient, well: Any) -> None:
    embedding = (await client.post(f"/embed/{content.SALES}/{content.REVENUE}")).raise_for_status().json()
    assert (await well.told())["embedding"][embedding["token"]] == content.REVENUE
    assert embedding["embedUrl"].startswith(f"{content.EMBED}?reportId={content.REVENUE}")
    assert embedding["expires"].endswith("Z")
    assert 3500 < embedding["seconds"] <= 3600
    personal = content.guid("report", content.PERSONAL)
    refused = await client.post(f"/embed/{content.SALES}/{personal}")
    assert refused.status_code == 409
    assert "row-level security" in refused.json()["detail"]


async def test_what_is_no_id_never_reaches_the_service(client: PluginClient, well: Any) -> None:
    for path in (
        "/workspaces/..%2Fadmin/reports",
        f"{SALES}/reports/x%3F$top=1",
        f"{ORDERS}/refreshes/a%2Fb",
    ):
        assert (await client.get(path)).status_code in (404, 422), path
    assert (await well.told())["log"] == []


async def test_each_of_several_connections_is_its_own(well: Any, open_plugin: Any) -> None:
    several = {"a": well.connection, "b": {**well.connection, "clientSecret": "wrong", "readOnly": True}}
    async with open_plugin(connections=several) as client:
        (await client.get("/workspaces")).raise_for_status()
        (await client.get("/workspaces", params={"connection": "a"})).raise_for_status()
        other = await client.get("/workspaces", params={"connection": "b"})
        assert other.json()["type"] == "urn:plugway:power-bi:login-refused"
        path = f"{ORDERS}/refreshes/{content.guid('refresh', 'x')}"
        assert (await client.delete(path, params={"connection": "b"})).status_code == 403
        assert (await client.delete(path, params={"connection": "a"})).status_code == 404


async def test_the_connection_is_tested_in_words(client: PluginClient) -> None:
    test = (await client.post("/connection/test")).json()
    assert (test["ok"], test["message"]) == (True, "Power BI answers.")
    assert test["milliseconds"] > 0
