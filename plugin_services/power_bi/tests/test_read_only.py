"""The read-only switch holds on the plugin's side, for every route that changes something."""

from __future__ import annotations

from typing import Any

import pytest
from power_bi.links import Links
from power_bi.plugin import CHANGING, create_plugin
from power_bi.settings import Settings

from plugin_services.power_bi.tests import content
from tests.shipped.declared import access, changing_routes

DATASET = "/workspaces/{workspace_id}/datasets/{dataset_id}"
BODIES: dict[tuple[str, str], tuple[dict[str, str], Any]] = {
    ("POST", f"{DATASET}/refreshes"): ({}, {"type": "Full"}),
    ("DELETE", f"{DATASET}/refreshes/{{refresh_id}}"): ({}, None),
    ("PUT", f"{DATASET}/schedule"): ({}, {"enabled": False, "days": [], "times": [], "timeZone": "UTC"}),
    ("POST", f"{DATASET}/take-over"): ({"confirm": "Orders"}, None),
}
HARMLESS = {("POST", "/connection/test"), ("POST", "/embed/{workspace_id}/{report_id}")}


async def test_every_changing_route_is_refused_and_nothing_reaches_the_service(
    well: Any, open_plugin: Any
) -> None:
    assert changing_routes(create_plugin(), HARMLESS) == set(BODIES)
    async with open_plugin(well, readOnly=True) as client:
        for (method, path), (query, body) in BODIES.items():
            filled = path.replace("{workspace_id}", content.SALES).replace("{dataset_id}", content.ORDERS)
            filled = filled.replace("{refresh_id}", content.guid("refresh", "x"))
            answer = await client.request(method, filled, params=query, json=body)
            assert answer.status_code == 403, (method, path)
            assert answer.json()["type"] == "urn:plugway:power-bi:read-only"
            assert "settings" in answer.json()["hint"]
        assert (await well.told())["log"] == []
        (await client.get("/workspaces")).raise_for_status()
        (await client.post(f"/embed/{content.SALES}/{content.REVENUE}")).raise_for_status()
        assert (await client.post("/connection/test")).json()["ok"] is True
        assert (await client.get("/connections")).json()["connections"][0]["readOnly"] is True
        # Switched off, it changes again.
        assert (await client.configure({"connections": {"contoso": well.connection}})).accepted
        started = f"/workspaces/{content.SALES}/datasets/{content.ORDERS}/refreshes"
        assert (await client.post(started)).status_code == 202


async def test_a_service_for_looking_sends_nothing_that_changes(well: Any) -> None:
    """Second line of defence: what a GET route holds cannot send anything else."""
    links = Links()
    await links.use(Settings.model_validate({"connections": {"contoso": well.connection}}))
    service = links.reader("")
    for method in CHANGING:
        with pytest.raises(PermissionError):
            await service.send(method, f"/groups/{content.SALES}/datasets/{content.ORDERS}/refreshes")
    assert (await well.told())["log"] == []
    await links.close()


def test_changing_is_for_administrators_and_looking_for_whoever_is_signed_in() -> None:
    plugin = create_plugin()
    assert {access(plugin, *route) for route in changing_routes(plugin, HARMLESS)} == {"admin"}
    assert {access(plugin, *route) for route in HARMLESS} == {"user"}
    assert access(plugin, "GET", "/workspaces") == "user"
