"""The unified document as it is served, and whether the API keeps to it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.model import Manifest, PluginId
from tests.fakes.management import Bed, management

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Notes", "version": "1.0.0"},
    "paths": {"/notes": {"get": {"operationId": "listNotes", "responses": {"200": {"description": "all"}}}}},
}


def manifest(plugin: str, openapi: dict[str, Any] | None) -> Manifest:
    return Manifest(plugin_id=PluginId(plugin), version="1.0.0", name=plugin.title(), openapi=openapi)


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    async with management(tmp_path) as bed:
        yield bed


async def fetched(bed: Bed) -> dict[str, Any]:
    async with bed.client() as client:
        answer = await client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    document: dict[str, Any] = answer.json()
    return document


async def test_the_unified_document_is_valid_and_holds_every_plugin(bed: Bed) -> None:
    await bed.install("notes", manifest("notes", DOCUMENT))
    await bed.install("other", manifest("other", DOCUMENT))
    await bed.install("broken", manifest("broken", {"openapi": "3.1.0", "paths": {"/x": []}}))
    await bed.install("silent", manifest("silent", None))
    await bed.install("unstarted")
    document = await fetched(bed)
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert document["openapi"] == "3.1.0"
    assert {"/plugins/notes/api/notes", "/plugins/other/api/notes"} <= set(document["paths"])
    included = {one["id"]: one["included"] for one in document["x-plugway-plugins"]}
    assert included == {"notes": True, "other": True, "broken": False, "silent": False, "unstarted": False}


async def test_operation_ids_are_unique_stable_and_described(bed: Bed) -> None:
    document = await fetched(bed)
    operations = [one for item in document["paths"].values() for one in item.values()]
    ids = [one["operationId"] for one in operations]
    assert len(set(ids)) == len(ids)
    # A plugin's id is followed by an underscore, so these never meet.
    assert all(re.fullmatch(r"[a-z][A-Za-z]+", one) for one in ids)
    assert set(ids) >= OPERATIONS
    for one in operations:
        assert one["summary"], one["operationId"]
        assert one["tags"], one["operationId"]
        closed = bool(one["security"])
        assert not closed or {"401", "403", "500"} <= set(one["responses"])
    tags = {tag["name"] for tag in document["tags"]}
    assert {tag for one in operations for tag in one["tags"]} <= tags


# Clients were generated with these names: one may be added, none may go.
OPERATIONS = {
    "changeSettings", "disablePlugin", "enablePlugin", "followEvents", "getHealth", "getMetrics",
    "getOpenApi", "getPlugin", "getReadiness", "getSession", "getSettings", "getSystem", "installPlugin",
    "listCatalog", "listInstances", "listPlugins", "listReleases", "makeLoginLink", "readLogs",
    "redeemLoginLink", "restartPlugin", "signIn", "signOut", "uninstallPlugin",
}  # fmt: skip


async def test_every_answer_with_a_body_has_a_schema(bed: Bed) -> None:
    document = await fetched(bed)
    for item in document["paths"].values():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                if status in ("204", "303", "304"):
                    assert "content" not in answer
                    continue
                for media in answer["content"].values():
                    assert media["schema"], (operation["operationId"], status)


async def test_the_document_follows_what_is_installed(bed: Bed) -> None:
    async with bed.client() as client:
        first = await client.get("/openapi.json")
        tag = first.headers["etag"]
        assert (await client.get("/openapi.json", headers={"if-none-match": tag})).status_code == 304
        await bed.install("notes", manifest("notes", DOCUMENT))
        second = await client.get("/openapi.json", headers={"if-none-match": tag})
        assert second.status_code == 200
        assert "/plugins/notes/api/notes" in second.json()["paths"]
        await bed.store.remove_plugin(PluginId("notes"))
        third = await client.get("/openapi.json")
        assert third.headers["etag"] == tag


async def test_the_page_loads_nothing_from_elsewhere(bed: Bed) -> None:
    async with bed.client() as client:
        page = await client.get("/docs")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert {"/docs/docs.js", "/docs/docs.css"} <= set(files)
        for name in files:
            assert name.startswith("/")
            if name.startswith("/docs/"):
                answer = await client.get(name)
                assert answer.status_code == 200
                assert "://" not in answer.text
        assert (await client.get("/docs/schema.js")).headers["content-type"].startswith("text/javascript")


async def test_a_stranger_is_sent_to_sign_in(bed: Bed) -> None:
    async with bed.client(token="", accept="text/html,*/*") as browser:
        page = await browser.get("/docs")
    assert page.status_code == 401
    assert page.headers["www-authenticate"].startswith("Bearer")
    assert 'href="/login"' in page.text
