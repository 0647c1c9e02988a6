"""What only a real Grafana can say: data, states of rules, snapshots, tokens, its death and its return."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import Page, expect
from plugway_sdk.testing import PluginClient

from plugin_services.grafana.tests.conftest import RealGrafana, arranged, rule
from plugin_services.grafana.tests.test_dashboards import ok
from plugin_services.grafana.tests.test_outage import READS
from tests.shipped.browser import Site
from tests.shipped.servers import eventually

pytestmark = pytest.mark.timeout(240)
WALK = {"type": "testdata", "uid": "walk"}
CSV = "host,load\nhost-0,0\nhost-1,0.25"
PANELS: list[dict[str, Any]] = [
    {"id": 1, "type": "timeseries", "title": "Requests", "datasource": WALK,
     "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8},
     "targets": [{"refId": "A", "scenarioId": "random_walk", "seriesCount": 2, "alias": "$job"}]},
    {"id": 2, "type": "stat", "title": "Load now", "gridPos": {"x": 12, "y": 0, "w": 6, "h": 4},
     "datasource": WALK, "targets": [{"refId": "A", "scenarioId": "csv_content", "csvContent": "load\n7"}]},
    {"id": 3, "type": "table", "title": "Hosts", "gridPos": {"x": 12, "y": 4, "w": 12, "h": 8},
     "datasource": WALK, "targets": [{"refId": "A", "scenarioId": "csv_content", "csvContent": CSV}]},
    {"id": 6, "type": "timeseries", "title": "Broken", "gridPos": {"x": 0, "y": 16, "w": 24, "h": 6},
     "datasource": {"type": "prometheus", "uid": "away"}, "targets": [{"refId": "A", "expr": "x"}]},
]  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGrafana]:
    """It has data of its own, which Grafana makes for tests."""
    server = RealGrafana(tmp_path_factory.mktemp("grafana"))
    server.start()
    for source in (
        {"uid": "walk", "name": "walk", "type": "testdata"},
        {"uid": "away", "name": "gone", "type": "prometheus", "url": "http://127.0.0.1:1"},
        {"uid": "pages", "name": "pages", "type": "alertmanager", "url": "http://127.0.0.1:1"},
        {"uid": "unknown", "name": "unknown", "type": "no-such-plugin", "url": ""},
    ):
        server.do("POST", "/api/datasources", {"access": "proxy", **source})
    server.do("POST", "/api/folders", {"uid": "ops", "title": "Operations"})
    server.board(folder="ops", panels=PANELS)
    yield server
    server.kill()


async def test_what_answers_is_a_real_grafana(client: PluginClient) -> None:
    told = await ok(client.post("/connection/test"))
    assert (told["ok"], told["version"], told["administration"]) == (True, "10.0.0-preview", True), told
    for path in READS:
        if "prom" not in path:
            (await client.get(path)).raise_for_status()


async def test_health_of_data_sources(client: PluginClient) -> None:
    found = {
        uid: await ok(client.get(f"/data-sources/{uid}/health"))
        for uid in ("walk", "away", "pages", "unknown")
    }
    assert [one["ok"] for one in found.values()] == [None, False, None, False]
    assert "connection refused" in found["away"]["message"]
    assert "no plugin of the kind no-such-plugin" in found["unknown"]["message"]
    assert (await client.get("/data-sources/none/health")).status_code == 404
    assert (await client.delete("/data-sources/unknown?confirm=other")).status_code == 422


async def test_data_of_panels(client: PluginClient) -> None:
    view = await ok(client.get("/dashboards/board/view"))
    assert [one["kind"] for one in view["panels"]] == ["plot", "figure", "table", "plot"]
    data = await ok(client.get("/dashboards/board/panels/1/data?begin=now-1h&var=job=web"))
    assert (len(data["series"]), data["problems"]) == (2, [])
    first = data["series"][0]
    assert "web" in first["name"]
    assert len(first["times"]) == len(first["values"]) > 100
    assert data["begin"] <= first["times"][10] <= data["end"]
    (hosts,) = (await ok(client.get("/dashboards/board/panels/3/data")))["tables"]
    assert ([one["name"] for one in hosts["columns"]], hosts["rows"]) == (
        ["host", "load"],
        [["host-0", 0], ["host-1", 0.25]],
    )
    (problem,) = (await ok(client.get("/dashboards/board/panels/6/data")))["problems"]
    assert (problem["query"], "connection refused" in problem["message"]) == ("A", True)


async def test_a_rule_fires_is_silenced_paused_and_deleted(client: PluginClient, shared: RealGrafana) -> None:
    path = "/api/v1/provisioning"
    loud = {"uid": "loud", "ruleGroup": "fast", "for": "0s"}
    await asyncio.to_thread(shared.do, "POST", f"{path}/alert-rules", rule("Loud", **loud))
    # Its group every 10 s, the least that Grafana has.
    group = await asyncio.to_thread(shared.do, "GET", f"{path}/folder/ops/rule-groups/fast")
    await asyncio.to_thread(
        shared.do, "PUT", f"{path}/folder/ops/rule-groups/fast", {**group, "interval": 10}
    )

    async def fires() -> bool:
        page = await ok(client.get("/alert-rules?state=firing"))
        return [(one["uid"], one["firing"]) for one in page["rules"]] == [("loud", 1)]

    await eventually(fires, 90)
    made = {"matchers": [{"name": "alertname", "value": "Loud", "isRegex": False}], "minutes": 60}
    silence = await ok(client.post("/silences", json={**made, "comment": "moving"}))
    assert (await ok(client.get("/silences?search=moving")))["silences"][0]["state"] == "active"
    (await client.delete(f"/silences/{silence['id']}")).raise_for_status()
    (await client.put("/alert-rules/loud/paused", json={"paused": True})).raise_for_status()
    details = await ok(client.get("/alert-rules/loud"))
    assert (details["paused"], details["waits"], details["folder"]) == (True, "0s", "ops")
    (await client.delete("/alert-rules/loud?confirm=Loud")).raise_for_status()
    assert (await client.get("/alert-rules/loud")).status_code == 404


async def test_a_snapshot_holds_data(client: PluginClient, shared: RealGrafana) -> None:
    body = {"dashboard": "board", "name": "For the report", "expires": 3600, "begin": "now-1h"}
    made = await ok(client.post("/snapshots", json=body))
    (problem,) = made["problems"]
    assert problem.startswith("Broken: ")
    kept = (await asyncio.to_thread(shared.do, "GET", f"/api/snapshots/{made['key']}"))["dashboard"]
    (plot,) = [one for one in kept["panels"] if one["id"] == 1]
    assert plot["targets"] == []
    assert [frame["fields"][1]["values"][0] for frame in plot["snapshotData"]]
    page = await ok(client.get("/snapshots?search=report"))
    assert [(one["key"], one["name"]) for one in page["snapshots"]] == [(made["key"], "For the report")]
    (await client.delete(f"/snapshots/{made['key']}?confirm=For the report")).raise_for_status()


async def test_a_token_sees_its_organisation_and_is_told_what_it_may_not(
    shared: RealGrafana, open_plugin: Any
) -> None:
    async with open_plugin(shared, token=await asyncio.to_thread(lambda: shared.token)) as client:
        page = await ok(client.get("/organisations"))
        assert (page["organisations"], page["all"]) == ([{"id": 1, "name": "Main Org."}], False)
        refused = await client.get("/people/users")
        assert refused.status_code == 403
        assert refused.json()["detail"] == "A service account token may not do this: it takes users:read."
    async with open_plugin(shared, user="", password="", token="glsa_wrong") as client:
        wrong = await client.get("/dashboards")
        assert (wrong.status_code, wrong.json()["type"]) == (502, "urn:plugway:grafana:login-refused")


async def test_kill_9_and_return(tmp_path: Any, open_plugin: Any) -> None:
    server = RealGrafana(tmp_path / "grafana")
    await asyncio.to_thread(server.start)
    await asyncio.to_thread(arranged, server)
    try:
        async with open_plugin(server) as client:
            assert (await ok(client.get("/dashboards")))["dashboards"]
            await asyncio.to_thread(server.kill)
            answer = await client.get("/dashboards")
            assert (answer.status_code, "nothing listens there" in answer.json()["detail"]) == (503, True)
            await asyncio.to_thread(server.start)
            (board,) = (await ok(client.get("/dashboards?search=product")))["dashboards"]
            assert board["folderTitle"] == "Operations"
    finally:
        server.kill()


@pytest.mark.browser
async def test_its_dashboard_is_drawn(site: Site, page: Page) -> None:
    await page.goto(site.at("/dashboards?uid=board"))
    await expect(page.get_by_role("img", name="Requests: 2 series").locator(".line")).to_have_count(2)
    await expect(page.locator(".figures strong")).to_contain_text("7")
    await expect(page.get_by_role("region", name="Table")).to_contain_text("host-1")
    await expect(page.get_by_text("connection refused")).to_be_visible()
