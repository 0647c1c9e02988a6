"""The notes example's typed service through a whole gateway."""

from __future__ import annotations

from pathlib import Path

from tests.running import gateway

API = "/plugins/notes/api/v1/notes"


async def test_a_shipped_plugins_service_answers_as_json(tmp_path: Path) -> None:
    async with gateway(tmp_path / "home", settings={"PLUGWAY_INSTALL": "notes"}) as running:
        await running.healthy("notes")
        client = running.client
        made = (await client.post(API, json={"title": "typed", "pinned": True})).json()
        assert (made["title"], made["author"]) == ("typed", "admin")
        address = f"/plugins/notes/api/v1/{made['name']}"
        changed = await client.patch(f"{address}?updateMask=title,pinned", json={"title": "other"})
        assert changed.json()["title"] == "other"
        assert "pinned" not in changed.json()
        lines = (await client.get(API)).text.splitlines()
        assert len(lines) == 1
        refused = await client.patch(f"{address}?updateMask=author", json={"author": "x"})
        assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_ARGUMENT")
        assert (await client.delete(address)).json() == {}
        gone = await client.get(address)
        assert (gone.status_code, gone.json()["type"]) == (404, "urn:plugway:problem:rpc-not-found")
