"""The read-only switch holds on the plugin's side, for every route that changes something."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from grafana_management.links import Links
from grafana_management.plugin import create_plugin
from grafana_management.settings import Settings

from tests.shipped.declared import access, changing_routes

NAMED = {"confirm": "x"}
BODIES: dict[tuple[str, str], tuple[dict[str, Any], Any]] = {
    ("POST", "/organisations"): ({}, {"name": "more"}),
    ("PUT", "/organisations/{number}"): ({}, {"name": "more"}),
    ("DELETE", "/organisations/{number}"): (NAMED, None),
    ("POST", "/folders"): ({}, {"title": "more"}),
    ("PUT", "/folders/{uid}"): ({}, {"title": "more"}),
    ("POST", "/folders/{uid}/move"): ({}, {}),
    ("DELETE", "/folders/{uid}"): (NAMED, None),
    ("POST", "/dashboards/import"): ({}, {"dashboard": {"title": "more"}}),
    ("DELETE", "/dashboards/{uid}"): (NAMED, None),
    ("POST", "/dashboards/{uid}/versions/{version}/restore"): ({}, {"current": 1}),
    ("DELETE", "/data-sources/{uid}"): (NAMED, None),
    ("PUT", "/alert-rules/{uid}/paused"): ({}, {"paused": True}),
    ("DELETE", "/alert-rules/{uid}"): (NAMED, None),
    ("POST", "/silences"): ({}, {"matchers": [{"name": "a", "value": "b"}], "minutes": 1, "comment": "c"}),
    ("DELETE", "/silences/{silence}"): ({}, None),
    ("POST", "/people/members"): ({}, {"loginOrEmail": "x"}),
    ("PUT", "/people/members/{number}/role"): ({}, {"role": "Viewer"}),
    ("DELETE", "/people/members/{number}"): ({}, None),
    ("POST", "/people/users"): ({}, {"login": "more", "password": "secret"}),
    ("PUT", "/people/users/{number}/status"): ({}, {"disabled": True}),
    ("PUT", "/people/users/{number}/password"): ({}, {"password": "secret"}),
    ("DELETE", "/people/users/{number}"): (NAMED, None),
    ("POST", "/people/teams"): ({}, {"name": "more"}),
    ("PUT", "/people/teams/{number}"): ({}, {"name": "more"}),
    ("DELETE", "/people/teams/{number}"): (NAMED, None),
    ("POST", "/people/teams/{number}/members"): ({}, {"user": 1}),
    ("DELETE", "/people/teams/{number}/members/{user}"): ({}, None),
    ("POST", "/snapshots"): ({}, {"dashboard": "board"}),
    ("DELETE", "/snapshots/{key}"): (NAMED, None),
}
HARMLESS = {("POST", "/connection/test")}


def test_every_changing_route_is_tried_here() -> None:
    assert changing_routes(create_plugin(), HARMLESS) == set(BODIES)


async def test_every_changing_route_is_refused_before_the_server_is_asked(
    shared: Any, open_plugin: Any
) -> None:
    await asyncio.to_thread(shared.trouble)
    async with open_plugin(shared, readOnly=True) as client:
        for (method, path), (query, body) in BODIES.items():
            filled = re.sub(r"\{\w+\}", "1", path)
            answer = await client.request(method, filled, params=query, json=body)
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:plugway:grafana:read-only"), path
        assert await asyncio.to_thread(shared.seen) == []
        (await client.get("/dashboards/board/panels/1/data")).raise_for_status()
        test = (await client.post("/connection/test")).raise_for_status()
        assert test.json()["ok"] is True


async def test_a_link_for_looking_cannot_change_anything_whoever_asks_it() -> None:
    links = Links()
    await links.use(Settings.model_validate({"connections": {"x": {"url": "http://x", "token": "t"}}}))
    with pytest.raises(PermissionError):
        await links.reader("").send("DELETE", "/api/folders/ops")


def test_who_may_what_is_declared() -> None:
    """The first rule that matches counts; people and changes are for administrators."""
    plugin = create_plugin()
    for method, path in BODIES:
        assert access(plugin, method, path) == "admin", path
    assert access(plugin, "GET", "/people/users") == "admin"
    assert access(plugin, "GET", "/dashboards/board/panels/1/data") == "user"
    assert access(plugin, "POST", "/connection/test") == "user"


def test_no_module_asks_another_way() -> None:
    """All calls of Grafana go by a link."""
    source = Path(__file__).resolve().parents[1] / "grafana_management"
    users = [file.name for file in source.glob("*.py") if "httpx" in file.read_text()]
    assert users == ["client.py"]
