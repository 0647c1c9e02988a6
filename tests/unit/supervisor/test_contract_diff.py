from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from gateway.model import Access, Manifest, Permissions, PluginId, RouteRule
from gateway.supervisor.contract_diff import contract_findings

OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/notes": {
            "get": {
                "parameters": [{"in": "query", "name": "q"}],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Note"}}
                            }
                        }
                    }
                },
            },
            "post": {
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewNote"}}}
                },
                "responses": {"201": {"description": "made"}},
            },
        }
    },
    "components": {
        "schemas": {
            "Note": {"type": "object", "properties": {"id": {"type": "integer"}, "text": {"type": "string"}}},
            "NewNote": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
        }
    },
}
SETTINGS: dict[str, Any] = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "page": {"type": "integer"}},
}
OLD = Manifest(
    plugin_id=PluginId("notes"), version="1.0.0", name="Notes", openapi=OPENAPI, settings_schema=SETTINGS
)


def changed(path: list[str], value: Any) -> Manifest:
    document = deepcopy(OPENAPI)
    place: Any = document
    for part in path[:-1]:
        place = place[part]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return replace(OLD, version="2.0.0", openapi=document)


NOTE = ["components", "schemas", "Note", "properties"]


def test_the_same_contract_and_additions_are_no_finding() -> None:
    assert contract_findings(OLD, replace(OLD, version="2.0.0")) == ()
    assert contract_findings(OLD, changed([*NOTE, "colour"], {"type": "string"})) == ()
    assert contract_findings(OLD, changed(["paths", "/tags"], {"get": {"responses": {}}})) == ()


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["paths", "/notes", "post"], None, "route POST /notes was removed"),
        ([*NOTE, "text"], None, "answer 200[]: text was removed"),
        ([*NOTE, "id"], {"type": "string"}, "answer 200[].id is string now, was integer"),
        (["components", "schemas", "NewNote", "required"], ["text", "colour"], "colour is required now"),
        (["paths", "/notes", "get", "parameters"], [], "parameter q was removed"),
        (
            ["paths", "/notes", "get", "parameters"],
            [{"in": "query", "name": "q"}, {"in": "query", "name": "page", "required": True}],
            "parameter page is required now",
        ),
    ],
)
def test_what_breaks_callers_is_found(path: list[str], value: Any, said: str) -> None:
    assert any(said in finding for finding in contract_findings(OLD, changed(path, value)))


def test_permissions_services_access_and_settings() -> None:
    public = RouteRule(path_prefix="/", access=Access.PUBLIC)
    new = replace(
        OLD,
        permissions=Permissions(egress=("example.org:443",)),
        routes=(public,),
        settings_schema={
            "type": "object",
            "properties": {"title": {"type": "integer"}},
            "required": ["owner"],
        },
    )
    found = contract_findings(replace(OLD, services=("notes.v1.Notes",)), new)
    for said in (
        "new permission: may connect to example.org:443",
        "service notes.v1.Notes was removed",
        "routes under / need public now, user before",
        "settings.title is integer now, was string",
        "settings: owner is required now",
        "setting page was removed",
    ):
        assert said in found


def test_settings_too_old_to_read_are_found() -> None:
    new = replace(OLD, settings_version=3, settings_reads_from=2)
    assert contract_findings(OLD, new) == ("it reads settings from version 2 on, these are 1",)


def test_a_schema_that_refers_to_itself_ends() -> None:
    tree = {"type": "object", "properties": {"child": {"$ref": "#/components/schemas/Note"}}}
    new = changed(["components", "schemas", "Note"], tree)
    old = replace(OLD, openapi=new.openapi)
    assert contract_findings(old, replace(new, openapi=deepcopy(new.openapi))) == ()


def doubling(depth: int, last: dict[str, Any]) -> Manifest:
    """Two routes with an answer whose schemas each refer twice to the next one."""
    schemas: dict[str, Any] = {f"S{depth}": last}
    for number in range(depth):
        below = {"$ref": f"#/components/schemas/S{number + 1}"}
        schemas[f"S{number}"] = {"type": "object", "properties": {"left": below, "right": below}}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}
    route = {"get": {"responses": {"200": {"description": "all", "content": content}}}}
    return replace(OLD, openapi={"paths": {"/a": route, "/b": route}, "components": {"schemas": schemas}})


def test_what_is_referred_to_from_many_places_is_compared_once() -> None:
    """Two to the power of forty ways lead to the last schema."""
    was = {"type": "object", "properties": {"id": {"type": "integer"}, "text": {"type": "string"}}}
    now = {"type": "object", "properties": {"id": {"type": "integer"}}}
    (found,) = contract_findings(doubling(40, was), doubling(40, now))
    assert found.startswith("route GET /a: answer 200.left.left")
    assert found.endswith(": text was removed")
    assert contract_findings(doubling(40, was), doubling(40, was)) == ()
