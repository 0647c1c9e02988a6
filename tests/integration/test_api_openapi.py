"""The unified document as it is served, and whether the API keeps to it."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.api.openapi.routes import UnifiedDocument
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
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await client.get("/openapi.json", headers={"if-none-match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        await bed.install("notes", manifest("notes", DOCUMENT))
        second = await client.get("/openapi.json", headers={"if-none-match": tag})
        assert second.status_code == 200
        assert "/plugins/notes/api/notes" in second.json()["paths"]
        await bed.store.remove_plugin(PluginId("notes"))
        third = await client.get("/openapi.json")
        assert third.headers["etag"] == tag


async def test_everyone_sees_the_plugins_that_they_may_use(bed: Bed) -> None:
    for name in ("notes", "other"):
        await bed.install(name, manifest(name, DOCUMENT))
    seen: dict[str, set[str]] = {}
    for who, role, grants in (
        ("all", "viewer", {}),
        ("one", "", {"notes": "user"}),
        ("none", "", {"elsewhere": "admin"}),
    ):
        _, secret = await bed.tokens.create(name=who, role=role, grants=grants, expires_at=0, by="admin")
        async with bed.client(token=secret) as client:
            answer = await client.get("/openapi.json")
        document = answer.json()
        seen[who] = {one["id"] for one in document["x-plugway-plugins"]}
        found = {path.split("/")[2] for path in document["paths"] if path.startswith("/plugins/")}
        assert found == seen[who]
        assert "/api/v1/plugins" in document["paths"]
    assert seen == {"all": {"notes", "other"}, "one": {"notes"}, "none": set()}


async def test_the_document_is_made_once_for_what_is_installed(bed: Bed) -> None:
    document = UnifiedDocument(bed.store, bed.app)
    await bed.install("notes", manifest("notes", DOCUMENT))
    first, _ = await document.current(lambda plugin: True)
    assert (await document.current(lambda plugin: True))[0] is first
    other, _ = await document.current(lambda plugin: False)
    assert other != first
    assert (await document.current(lambda plugin: True))[0] is first
    await bed.install("other", manifest("other", DOCUMENT))
    second, _ = await document.current(lambda plugin: True)
    # What was there is called as before.
    assert json.loads(first)["paths"].items() <= json.loads(second)["paths"].items()
    # Nor does it matter who was there first, or that the gateway is another.
    for name in ("notes", "other"):
        await bed.store.remove_plugin(PluginId(name))
    for name in ("other", "notes"):
        await bed.install(name, manifest(name, DOCUMENT))
    again, _ = await UnifiedDocument(bed.store, bed.app).current(lambda plugin: True)
    assert json.loads(again)["paths"] == json.loads(second)["paths"]


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
