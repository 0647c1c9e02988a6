"""Data sources with their health, alert rules, silences, users, teams; and lists that are long."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_grafana.boards import now
from fake_grafana.state import State
from plugway_sdk.testing import PluginClient

from plugin_services.grafana.tests.conftest import BOTH, FakeGrafana, rule
from plugin_services.grafana.tests.test_dashboards import ok


async def test_data_sources(client: PluginClient, shared: Any, open_plugin: Any) -> None:
    page = await ok(client.get("/data-sources"))
    assert [one["name"] for one in page["dataSources"]] == ["gone", "plain", "prom-name"]
    assert "hunter2" not in str(page)
    assert (await ok(client.get("/data-sources/prom")))["url"] == "http://prom:9090/x"
    found = {uid: await ok(client.get(f"/data-sources/{uid}/health")) for uid in ("prom", "away", "plain")}
    assert {uid: health["ok"] for uid, health in found.items()} == {
        "prom": True,
        "away": False,
        "plain": False,
    }
    assert found["plain"]["message"] == "Grafana has no plugin of the kind no-backend."
    assert found["away"]["message"] == "connect: connection refused"
    assert (await client.get("/data-sources/none/health")).status_code == 404
    provisioned = await client.delete("/data-sources/plain?confirm=plain")
    assert provisioned.status_code == 403
    source = {"uid": "extra", "name": "extra", "type": "loki", "url": ""}
    await asyncio.to_thread(shared.do, "POST", "/api/datasources", source)
    assert (await client.delete("/data-sources/extra?confirm=other")).status_code == 422
    (await client.delete("/data-sources/extra?confirm=extra")).raise_for_status()
    assert (await client.get("/data-sources/extra")).status_code == 404


async def test_alert_rules(client: PluginClient, shared: Any) -> None:
    path = "/api/v1/provisioning/alert-rules"
    fixed = {"uid": "fixed", "provenance": "file"}
    for one in (rule("Quiet"), rule("Loud", uid="loud", labels={"test": "firing"}), rule("Fixed", **fixed)):
        await asyncio.to_thread(shared.do, "POST", path, one)
    page = await ok(client.get("/alert-rules"))
    first = page["rules"][0]
    assert (first["title"], first["state"]) == ("Loud", "firing")
    assert (page["total"], page["firing"], page["problem"]) == (3, 1, "")
    assert [one["title"] for one in (await ok(client.get("/alert-rules?state=firing")))["rules"]] == ["Loud"]
    details = await ok(client.get("/alert-rules/loud"))
    assert (details["waits"], details["firing"], details["annotations"]) == ("5m", 1, {"summary": "s"})
    (await client.put("/alert-rules/loud/paused", json={"paused": True})).raise_for_status()
    details = await ok(client.get("/alert-rules/loud"))
    assert (details["paused"], details["state"]) == (True, "inactive")
    fixed_one = await client.put("/alert-rules/fixed/paused", json={"paused": True})
    assert fixed_one.status_code == 403
    assert (await client.delete("/alert-rules/loud?confirm=loud")).status_code == 422
    (await client.delete("/alert-rules/loud?confirm=Loud")).raise_for_status()
    assert (await client.get("/alert-rules/loud")).status_code == 404


async def test_states_and_versions_in_the_form_of_grafana_11(client: PluginClient, shared: Any) -> None:
    one = rule("Same", uid="newer", labels={"test": "firing"})
    await asyncio.to_thread(shared.do, "POST", "/api/v1/provisioning/alert-rules", one)
    # Of the same name in another folder: by its uid each has its own state.
    other = rule("Same", uid="other", folderUID="elsewhere")
    await asyncio.to_thread(shared.do, "POST", "/api/v1/provisioning/alert-rules", other)
    await asyncio.to_thread(shared.trouble, newer=True)
    found = (await ok(client.get("/alert-rules?search=same")))["rules"]
    assert [(one["uid"], one["state"]) for one in found] == [("newer", "firing"), ("other", "inactive")]
    assert (await ok(client.get("/dashboards/board/versions")))["versions"][0]["version"] == 1
    await asyncio.to_thread(shared.trouble)
    for uid in ("newer", "other"):
        (await client.delete(f"/alert-rules/{uid}?confirm=Same")).raise_for_status()


@BOTH
async def test_silences(client: PluginClient) -> None:
    matchers = [{"name": "alertname", "value": "Loud|Quiet", "isRegex": True}]
    made = await ok(client.post("/silences", json={"matchers": matchers, "minutes": 60, "comment": "moving"}))
    (one,) = (await ok(client.get("/silences?search=moving")))["silences"]
    assert (one["id"], one["state"], one["createdBy"]) == (made["id"], "active", "ann")
    assert one["matchers"] == [{**matchers[0], "isEqual": True}]
    (await client.delete(f"/silences/{made['id']}")).raise_for_status()
    assert (await ok(client.get("/silences")))["total"] == 0
    assert (await ok(client.get("/silences?expired=true")))["silences"][0]["state"] == "expired"
    assert (await client.delete("/silences/nothing")).status_code == 404
    for wrong in ({"matchers": []}, {"minutes": 0}, {"comment": ""}):
        body = {"matchers": matchers, "minutes": 60, "comment": "x", **wrong}
        assert (await client.post("/silences", json=body)).status_code == 422


@BOTH
async def test_users(client: PluginClient, shared: Any, open_plugin: Any) -> None:
    new = {"login": "eve", "name": "Eve", "email": "eve@x", "password": "first-Secret"}
    made = await client.post("/people/users", json=new)
    assert "first-Secret" not in made.raise_for_status().text
    number = made.json()["id"]
    taken = await client.post("/people/users", json=new)
    assert (taken.status_code, "already exists" in taken.json()["detail"]) == (409, True)
    page = await ok(client.get("/people/users?search=ev"))
    assert [(one["login"], one["administrator"]) for one in page["users"]] == [("eve", False)]
    (await client.put(f"/people/users/{number}/status", json={"administrator": True})).raise_for_status()
    assert (await ok(client.get(f"/people/users/{number}")))["administrator"] is True
    password = f"/people/users/{number}/password"
    (await client.put(password, json={"password": "second-Secret"})).raise_for_status()
    (await client.put(f"/people/users/{number}/status", json={"disabled": True})).raise_for_status()
    (member,) = (await ok(client.get("/people/members?search=eve")))["users"]
    assert (member["role"], member["disabled"]) == ("Viewer", True)
    (await client.put(f"/people/members/{number}/role", json={"role": "Editor"})).raise_for_status()
    last = await client.put("/people/members/1/role", json={"role": "Viewer"})
    assert (last.status_code, "no organization admin left" in last.json()["detail"]) == (422, True)
    # Out of the only organisation that it is in; Grafana has a path by which it would be gone altogether.
    (await client.delete(f"/people/members/{number}")).raise_for_status()
    assert (await ok(client.get("/people/members?search=eve")))["total"] == 0
    assert (await ok(client.get(f"/people/users/{number}")))["login"] == "eve"
    (await client.post("/people/members", json={"loginOrEmail": "eve@x"})).raise_for_status()
    assert (await client.delete(f"/people/users/{number}?confirm=Eve")).status_code == 422
    (await client.delete(f"/people/users/{number}?confirm=eve")).raise_for_status()
    assert (await client.get(f"/people/users/{number}")).status_code == 404
    # A token is of one organisation; the words say what it lacks.
    async with open_plugin(shared, **shared.by_token) as other:
        assert (await ok(other.get("/people/members")))["total"] == 1
        refused = await other.get("/people/users")
        assert refused.status_code == 403
        assert refused.json()["detail"] == "A service account token may not do this: it takes users:read."


@BOTH
async def test_teams(client: PluginClient) -> None:
    team = await ok(client.post("/people/teams", json={"name": "Web", "email": "web@x"}))
    path = f"/people/teams/{team['id']}"
    assert (await client.post("/people/teams", json={"name": "Web"})).status_code == 409
    # Who makes it belongs to it.
    assert (await client.post(f"{path}/members", json={"user": 1})).status_code == 422
    assert [one["login"] for one in (await ok(client.get(f"{path}/members")))["members"]] == ["admin"]
    (await client.put(path, json={"name": "Site"})).raise_for_status()
    page = await ok(client.get("/people/teams?search=si"))
    assert [(one["name"], one["members"]) for one in page["teams"]] == [("Site", 1)]
    (await client.delete(f"{path}/members/1")).raise_for_status()
    assert (await client.delete(f"{path}/members/1")).status_code == 404
    assert (await client.delete(f"{path}?confirm=Web")).status_code == 422
    (await client.delete(f"{path}?confirm=Site")).raise_for_status()
    assert (await client.get(path)).status_code == 404


MANY = 5200
"""More than Grafana gives at once (5000)."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server with many of everything, written down before it starts."""
    server = FakeGrafana(tmp_path_factory.mktemp("large"))
    state = State(server.directory / "state.json")
    org = state.data["orgs"]["1"]
    for number in range(MANY):
        uid = f"b{number:05}"
        data = {"uid": uid, "title": f"Board {number:05}", "panels": [], "version": 1}
        version = {"version": 1, "created": now(), "createdBy": "x", "message": "", "data": data}
        org["dashboards"][uid] = {"id": number, "folderUid": "", "versions": [version]}
        if number % 4 == 0:
            org["folders"][uid] = {"id": number, "uid": uid, "title": uid, "parentUid": "", "version": 1}
            org["rules"][uid] = rule(uid, uid=uid, isPaused=False, folderUID="")
            login = {"login": uid, "password": "x", "name": "", "email": "", "isAdmin": False}
            state.data["users"][str(number + 1000)] = {"id": number + 1000, "isDisabled": False, **login}
            org["members"][str(number + 1000)] = "Viewer"
            org["teams"][str(number + 1)] = {"id": number + 1, "name": uid, "email": "", "users": []}
    state.save()
    server.start()
    yield server
    server.kill()


@pytest.mark.parametrize(
    ("path", "field", "key", "expected"),
    [
        ("/dashboards", "dashboards", "uid", MANY),
        ("/folders", "folders", "uid", MANY // 4),
        ("/alert-rules", "rules", "uid", MANY // 4),
        ("/people/members", "users", "id", MANY // 4 + 1),
        ("/people/users", "users", "id", MANY // 4 + 1),
        ("/people/teams", "teams", "id", MANY // 4),
    ],
    ids=lambda value: str(value).strip("/").replace("/", "-"),
)
async def test_large_lists_come_page_by_page_whole_and_once(
    large: Any, open_plugin: Any, path: str, field: str, key: str, expected: int
) -> None:
    async with open_plugin(large) as client:
        seen: list[Any] = []
        number, more = 0, True
        while more:
            number += 1
            page = await ok(client.get(path, params={"page": number, "limit": 500}))
            assert len(page[field]) <= 500
            seen += [one[key] for one in page[field]]
            more = page["more"]
        assert (len(seen), len(set(seen))) == (expected, expected)
