"""Plugins' documents in the unified one: merged without clashes, kept out where broken."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from gateway.api.openapi.gateway_answers import shared_components
from gateway.api.openapi.schemas import metaschema
from gateway.api.openapi.unified import fragment_or_reason, unify
from gateway.model import Access, Manifest, PluginId, RouteRule

NOTES, REDIS = PluginId("notes"), PluginId("redis-management")
BASE: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Plugway", "version": "1"},
    "paths": {
        "/api/v1/plugins": {"get": {"operationId": "listPlugins", "responses": {"200": {"description": ""}}}}
    },
    "components": {
        **(SHARED := shared_components()),
        "schemas": {"Item": {"type": "string"}, "Problem": {"type": "object"}, **SHARED["schemas"]},
        "securitySchemes": {
            "token": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": "plugway_session"},
        },
    },
}


class Part(BaseModel):
    name: str | None = None
    inner: Part | None = None


class Item(BaseModel):
    id: int
    parts: list[Part] = []


def fastapi_document() -> dict[str, Any]:
    app = FastAPI(title="A plugin", version="1.0.0", separate_input_output_schemas=False)
    router = APIRouter(prefix="/items", tags=["items"])

    @router.get("", operation_id="list_items")
    async def list_items(limit: int = 10) -> list[Item]:
        return []

    @router.put("/{item_id}", operation_id="put_item", responses={404: {"description": "none"}})
    async def put_item(item_id: int, item: Item) -> Item:
        return item

    @router.get("/{item_id}")
    async def without_id(item_id: int) -> Item:
        raise NotImplementedError

    app.include_router(router)
    document: dict[str, Any] = app.openapi()
    return document


def manifest(plugin: PluginId, openapi: Any, routes: tuple[RouteRule, ...] = ()) -> Manifest:
    return Manifest(plugin_id=plugin, version="1.0.0", name=plugin.title(), openapi=openapi, routes=routes)


def merged(*plugins: tuple[PluginId, Any]) -> dict[str, Any]:
    parts = [(plugin, fragment_or_reason(plugin, manifest(plugin, openapi))) for plugin, openapi in plugins]
    return valid(unify(BASE, parts))


def valid(document: dict[str, Any]) -> dict[str, Any]:
    document = json.loads(json.dumps(document))
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    return document


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for item in document["paths"].values()
        for operation in item.values()
    }


def minimal(**operation: Any) -> dict[str, Any]:
    operation.setdefault("responses", {"200": {"description": "fine"}})
    return {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {"/x": {"get": operation}}}


def test_two_plugins_with_the_same_names_stay_apart() -> None:
    document = merged((NOTES, fastapi_document()), (REDIS, fastapi_document()))
    schemas = document["components"]["schemas"]
    assert schemas["Item"] == {"type": "string"}
    assert {"notes.Item", "redis-management.Item", "notes.Part", "redis-management.Part"} <= set(schemas)
    assert schemas["notes.Item"]["properties"]["parts"]["items"]["$ref"] == "#/components/schemas/notes.Part"
    found = operations(document)
    assert len(found) == sum(len(item) for item in document["paths"].values())
    for plugin in (NOTES, REDIS):
        body = found[f"{plugin}_put_item"]["requestBody"]["content"]["application/json"]["schema"]
        assert body["$ref"] == f"#/components/schemas/{plugin}.Item"
        assert f"/plugins/{plugin}/api/items/{{item_id}}" in document["paths"]
    assert [one["included"] for one in document["x-plugway-plugins"]] == [True, True]


def test_the_merged_document_is_the_same_each_time() -> None:
    first = merged((NOTES, fastapi_document()), (REDIS, fastapi_document()))
    assert merged((NOTES, fastapi_document()), (REDIS, fastapi_document())) == first


def test_ids_that_clash_within_a_plugin_come_from_method_and_path() -> None:
    document = minimal(operationId="same")
    document["paths"]["/y/{id}"] = {"post": {"operationId": "same"}, "delete": {}}
    found = operations(merged((NOTES, document)))
    assert set(found) == {"listPlugins", "notes_get_x", "notes_post_y_id", "notes_delete_y_id"}


def test_every_call_says_what_the_gateway_may_answer() -> None:
    rules = (
        RouteRule(path_prefix="/x", access=Access.PUBLIC),
        RouteRule(path_prefix="/admin", access=Access.ADMIN, methods=frozenset({"POST"})),
    )
    document = minimal()
    for path in ("/xy", "/admin/all"):
        document["paths"][path] = {"post": {}}
    document["paths"]["/x"]["get"]["security"] = [{"own": []}]
    document["components"] = {"securitySchemes": {"own": {"type": "http", "scheme": "basic"}}}
    fragment = fragment_or_reason(NOTES, manifest(NOTES, document, rules))
    found = operations(valid(unify(BASE, [(NOTES, fragment)])))
    open_, user, admin = (found[f"notes_{name}"] for name in ("get_x", "post_xy", "post_admin_all"))
    assert open_["security"] == []
    assert user["security"] == admin["security"] == [{"token": []}, {"session": []}]
    assert "401" not in open_["responses"]
    assert {"400", "403", "409", "413", "429"} <= set(user["responses"]) & set(open_["responses"])
    assert {"401", "403", "502", "503", "504"} <= set(admin["responses"])


def test_older_spellings_become_new_ones() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "nullable": True},
            "b": {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
            "c": {"$ref": "#/components/schemas/C", "nullable": True},
            # Names that are keywords elsewhere.
            "nullable": {"type": "boolean"},
            "$ref": {"type": "string"},
        },
        "example": {"nullable": True, "$ref": "untouched"},
    }
    document = minimal()
    document["openapi"] = "3.0.3"
    document["components"] = {"schemas": {"A": schema, "C": {"type": "string"}}}
    result = merged((NOTES, document))["components"]["schemas"]["notes.A"]
    assert result["properties"]["a"] == {"type": ["string", "null"]}
    assert result["properties"]["b"] == {"type": "integer", "exclusiveMinimum": 0}
    assert result["properties"]["c"]["anyOf"] == [{"$ref": "#/components/schemas/notes.C"}, {"type": "null"}]
    assert result["properties"]["nullable"] == {"type": "boolean"}
    assert result["example"] == {"nullable": True, "$ref": "untouched"}


def test_discriminators_follow_their_schemas() -> None:
    document = minimal()
    mapping = {"cat": "#/components/schemas/Cat", "dog": "Dog"}
    union = {
        "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
        "discriminator": {"propertyName": "kind", "mapping": mapping},
    }
    document["components"] = {"schemas": {"Cat": {}, "Dog": {}, "Pet": union}}
    pet = merged((NOTES, document))["components"]["schemas"]["notes.Pet"]
    assert pet["discriminator"]["mapping"] == {
        "cat": "#/components/schemas/notes.Cat",
        "dog": "#/components/schemas/notes.Dog",
    }


def test_parameters_are_written_out_and_variables_declared() -> None:
    document = minimal()
    shared = [{"$ref": "#/components/parameters/Id"}, {"name": "gone", "in": "path", "schema": {}}]
    document["paths"] = {"/x/{id}/{other}": {"parameters": shared, "get": {"parameters": [
        {"name": "limit", "in": "query", "schema": {"type": "integer"}},
    ]}}}  # fmt: skip
    document["components"] = {
        "parameters": {"Id": {"name": "id", "in": "path", "schema": {"type": "integer"}}}
    }
    found = operations(merged((NOTES, document)))["notes_get_x_id_other"]["parameters"]
    assert {(one["name"], one["in"]) for one in found} == {
        ("limit", "query"),
        ("id", "path"),
        ("other", "path"),
    }
    assert next(one for one in found if one["name"] == "id")["schema"] == {"type": "integer"}


def test_servers_callbacks_and_links_lead_nowhere_else() -> None:
    document = minimal(servers=[{"url": "https://evil.example"}], callbacks={"c": {}})
    document["servers"] = [{"url": "https://evil.example"}]
    assert "evil.example" not in json.dumps(merged((NOTES, document)))


def answer(schema: Any) -> dict[str, Any]:
    return {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}


def broken(**changes: Any) -> dict[str, Any]:
    return {**minimal(), **changes}


def deep() -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(500):
        schema = {"items": schema}
    return schema


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


BROKEN: dict[str, Any] = {
    "not an object": [],
    "no version": {"paths": {}},
    "swagger 2": {"swagger": "2.0", "paths": {}},
    "openapi 4": broken(openapi="4.0.0"),
    "paths a list": broken(paths=[]),
    "path without slash": broken(paths={"x": {}}),
    "path item text": broken(paths={"/x": "get"}),
    "operation a list": broken(paths={"/x": {"get": []}}),
    "too many paths": broken(paths={f"/{number}": {} for number in range(3000)}),
    "responses a list": minimal(responses=[]),
    "a strange status": minimal(responses={"2000": {"description": ""}}),
    "response text": minimal(responses={"200": "fine"}),
    "dangling reference": minimal(responses={"200": {"$ref": "#/components/responses/None"}}),
    "reference to another host": minimal(responses=answer({"$ref": "http://evil.example/x"})),
    "reference to the management API": minimal(responses=answer({"$ref": "#/components/schemas/Item"})),
    "reference into paths": minimal(parameters=[{"$ref": "#/paths/~1x/get/parameters/0"}]),
    "a reference in a circle": {
        **minimal(parameters=[{"$ref": "#/components/parameters/A"}]),
        "components": {"parameters": {"A": {"$ref": "#/components/parameters/A"}}},
    },
    "parameter without name": minimal(parameters=[{"in": "query", "schema": {}}]),
    "parameter of no place": minimal(parameters=[{"name": "x", "in": "body", "schema": {}}]),
    "parameter without schema": minimal(parameters=[{"name": "x", "in": "query"}]),
    "schema that is none": minimal(parameters=[{"name": "x", "in": "query", "schema": {"type": "strang"}}]),
    "schema too deep": minimal(parameters=[{"name": "x", "in": "query", "schema": deep()}]),
    "summary a number": minimal(summary=7),
    "tags a text": minimal(tags="items"),
    "body without content": minimal(requestBody={}),
    "components a list": broken(components=[]),
    "component with a strange name": broken(components={"schemas": {"a/b": {}}}),
    "a broken component": broken(components={"schemas": {"A": {"properties": {"x": 7}}}}),
}  # fmt: skip


@pytest.mark.parametrize("document", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_document_is_left_out_with_its_reason(document: Any) -> None:
    result = merged((REDIS, document), (NOTES, fastapi_document()))
    left_out, kept = result["x-plugway-plugins"]
    assert left_out["included"] is False
    assert left_out["reason"]
    assert len(left_out["reason"]) < 600
    assert kept["included"] is True
    assert not any(path.startswith("/plugins/redis-management") for path in result["paths"])
    assert not any(name.startswith("redis-management") for name in result["components"]["schemas"])


def test_a_plugin_without_document_is_named() -> None:
    assert "not started" in str(fragment_or_reason(NOTES, None))
    assert "publishes no" in str(fragment_or_reason(NOTES, manifest(NOTES, None)))


# Without "default": the validator judges defaults by their schemas, which is no rule of OpenAPI.
KEYS = [
    "get", "schema", "$ref", "type", "properties", "in", "name", "200", "content", "example",
    "examples", "required", "items", "responses", "nullable", "parameters", "x", "application/json",
]  # fmt: skip
TEXTS = ["", "x", "get", "path", "query", "string", "object", "#/components/schemas/Item", "200", "/x/{y}"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 700) | st.sampled_from(TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


def whole() -> dict[str, Any]:
    """A small document with every kind of object that is taken over."""
    item = {"$ref": "#/components/schemas/Item"}
    document = minimal(
        operationId="x",
        tags=["t"],
        parameters=[{"name": "q", "in": "query", "style": "form", "schema": {"type": "string"}}],
        requestBody={"required": True, "content": {"application/json": {"schema": item, "example": 1}}},
        responses={**answer(item), "404": {"$ref": "#/components/responses/None"}},
    )
    document["components"] = {
        "schemas": {"Item": {"type": "object", "properties": {"a": {"anyOf": [item, {"type": "null"}]}}}},
        "responses": {"None": {"description": "none", "headers": {"h": {"schema": {"type": "string"}}}}},
    }
    return document


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    children: Any = ()
    if isinstance(value, dict | list):
        children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        found += places(child, (*path, key))
    return found


# The validator takes most of a second for each.
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_a_plugin_changes_in_its_document_the_whole_stays_valid(data: st.DataObject) -> None:
    document = whole()
    for _ in range(data.draw(st.integers(1, 2))):
        where = data.draw(st.sampled_from(places(document)[1:]))
        at: Any = document
        for key in where[:-1]:
            at = at[key]
        at[where[-1]] = data.draw(JSON)
    fragment = fragment_or_reason(NOTES, manifest(NOTES, document))
    assert fragment != "its OpenAPI document could not be read"
    valid(unify(BASE, [(NOTES, fragment)]))


@settings(max_examples=1500, deadline=None)
@given(JSON)
def test_no_document_is_more_than_broken(document: Any) -> None:
    for one in (document, {**minimal(), "paths": document}, {**whole(), "components": document}):
        assert fragment_or_reason(NOTES, manifest(NOTES, one)) != "its OpenAPI document could not be read"


RULES: list[Any] = [
    {}, True, 5, [], {"type": "strang"}, {"type": ["string", "string"]}, {"properties": {"x": 5}},
    {"pattern": "("}, {"minLength": -1}, {"allOf": []}, {"$defs": {"a": 3}}, {"required": ["a", "a"]},
    {"dependentRequired": {"a": [1]}}, {"prefixItems": [{}]}, {"items": [{}]}, {"enum": 5},
    {"multipleOf": 0}, {"unevaluatedItems": 4}, {"contentSchema": 3}, {"format": 3}, {"deprecated": 1},
    {"$ref": 3}, {"title": 3}, {"examples": 3}, {"const": [3]}, {"dependencies": {"a": {"type": "x"}}},
    {"dependencies": {"a": ["b", "b"]}}, {"$anchor": "1x"}, {"$comment": 1}, {"not": {"if": {"then": 1}}},
    {"$recursiveRef": 1}, {"$id": "#x"}, {"patternProperties": {"(": {}}},
]  # fmt: skip


def test_the_flat_metaschema_has_all_the_rules_of_the_real_one() -> None:
    for schema in RULES:
        try:
            Draft202012Validator.check_schema(schema)
            holds = True
        except SchemaError:
            holds = False
        assert metaschema().is_valid(schema) is holds, schema


def test_the_base_is_not_changed() -> None:
    before = copy.deepcopy(BASE)
    merged((NOTES, fastapi_document()))
    assert before == BASE


HOSTILE: dict[str, Any] = {
    "no number": minimal(
        responses={"200": {"description": "", "content": {"a/b": {"example": float("nan")}}}}
    ),
    "endless": minimal(responses={"200": {"description": "", "content": {"a/b": {"example": float("inf")}}}}),
    "half a character": minimal(summary="\ud800"),
    "an answer in a circle": broken(components={"responses": {"A": {"$ref": "#/components/responses/A"}}}),
    "a schema that is itself": broken(
        components={
            "schemas": {
                "A": {"$ref": "#/components/schemas/B"},
                "B": {"allOf": [{"$ref": "#/components/schemas/A"}]},
            }
        }
    ),
    "a schema that is not itself": broken(
        components={"schemas": {"A": {"anyOf": [{}, {"not": {"$ref": "#/components/schemas/A"}}]}}}
    ),
    "up and out": broken(paths={"/../../../api/v1/plugins": {"get": {}}}),
    "up, encoded": broken(paths={"/%2e%2e/%2E%2e/x": {"get": {}}}),
    "a query": broken(paths={"/x?y": {"get": {}}}),
    "a variable twice": broken(paths={"/{a}/{a}": {"get": {}}}),
    "too many values": minimal(responses=answer({"enum": list(range(70_000))})),
    "too long": minimal(description="x" * 3_000_000),
    "an endless example": minimal(
        responses={"200": {"description": "", "content": {"a/b": {"example": nested(900)}}}}
    ),
}


@pytest.mark.parametrize("document", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_would_cost_clients_the_whole_is_left_out(document: Any) -> None:
    good = fragment_or_reason(NOTES, manifest(NOTES, fastapi_document()))
    result = unify(BASE, [(REDIS, fragment_or_reason(REDIS, manifest(REDIS, document))), (NOTES, good)])
    json.dumps(result, allow_nan=False, ensure_ascii=False).encode()
    left_out, kept = result["x-plugway-plugins"]
    assert (left_out["included"], kept["included"]) == (False, True)
    assert 0 < len(left_out["reason"]) < 600


def test_ids_and_names_do_not_depend_on_who_else_is_there() -> None:
    alone = merged((REDIS, fastapi_document()))
    after = merged((NOTES, fastapi_document()), (REDIS, fastapi_document()))
    before = merged((REDIS, fastapi_document()), (NOTES, fastapi_document()))

    def mine(document: dict[str, Any]) -> Any:
        ids = {path: item for path, item in document["paths"].items() if f"/plugins/{REDIS}/" in path}
        return ids, {k: v for k, v in document["components"]["schemas"].items() if k.startswith(REDIS)}

    assert mine(alone) == mine(after) == mine(before)


def test_what_a_plugin_declares_of_a_status_stays_beside_the_gateways_word() -> None:
    own = {"type": "object", "properties": {"why": {"type": "string"}}}
    content = {"application/problem+json": {"schema": own}, "text/plain": {"schema": {"type": "string"}}}
    document = minimal(
        responses={
            "200": {"description": "fine"},
            "409": {"description": "busy", "content": content},
            "413": {"$ref": "#/components/responses/Large"},
            "default": {"description": "else", "content": {"application/json": {"schema": own}}},
        }
    )
    document["components"] = {"responses": {"Large": {"description": "large", "content": content}}}
    found = operations(merged((NOTES, document)))["notes_get_x"]["responses"]
    problem = {"$ref": "#/components/schemas/Problem"}
    for status in ("409", "413"):
        assert found[status]["content"]["application/problem+json"]["schema"] == {"anyOf": [own, problem]}
        assert "text/plain" in found[status]["content"]
    assert "Retry-After" in found["503"]["headers"]
    assert set(found["503"]["content"]) == {"application/json", "application/problem+json"}
    assert found["default"]["description"] == "else"
