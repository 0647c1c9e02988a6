"""Typed services in the unified document: paths, parameters and schemas as the gateway really answers."""

from __future__ import annotations

import importlib.resources
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from google.api import http_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gateway.api.openapi.unified import fragment_or_reason, unify
from gateway.model import Manifest, PluginId
from gateway.proxy.typed.mapping import Mapper, is_map
from tests.fakes.typed_library import BEYOND, LIBRARY, descriptor_set, message, pool
from tests.unit.api.test_unified_openapi import BASE, minimal, operations, valid

LIB = PluginId("library")


def manifest(openapi: Any = None, services: tuple[str, ...] = (LIBRARY, BEYOND), **more: Any) -> Manifest:
    more.setdefault("descriptor_set", descriptor_set())
    return Manifest(
        plugin_id=LIB, version="1.0.0", name="Library", services=services, openapi=openapi, **more
    )


def merged(one: Manifest) -> dict[str, Any]:
    return unify(BASE, [(LIB, fragment_or_reason(LIB, one))])


@cache
def library() -> dict[str, Any]:
    return valid(merged(manifest()))


def operation(name: str) -> tuple[str, str, dict[str, Any]]:
    """Method, path below the plugin's, and the operation of this id."""
    for path, item in library()["paths"].items():
        for method, one in item.items():
            if one["operationId"] == f"library_library_v1_{name}":
                return method, path.removeprefix("/plugins/library/api"), one
    raise AssertionError(name)


PATHS = {
    "Library_GetBook": "get /v1/books/{id}",
    "Library_GetBook_2": "get /v1/volumes/{id}",
    "Library_GetBook_3": "post /v1/volumes",
    "Library_GetNamed": "get /v1/shelves/{shelve}/books/{book}",
    "Library_GetFile": "get /v1/files/{name}",
    "Library_CountFile": "get /v1/files/{name}:count",
    "Library_GetAny": "get /v1/any/{segment_3}/{name}/{rest}",
    "Library_GetDeep": "get /v1/deep/{nested.nested.text}/{nested.number}",
    "Library_UpdateBook": "patch /v1/books/{id}",
    "Library_Archive": "post /v1/books/{id}:archive",
}


@pytest.mark.parametrize(("name", "place"), PATHS.items(), ids=PATHS)
def test_templates_become_paths_of_one_segment_each(name: str, place: str) -> None:
    method, path, one = operation(name)
    assert f"{method} {path}" == place
    in_path = {p["name"] for p in one.get("parameters", []) if p["in"] == "path"}
    assert all(f"{{{variable}}}" in path for variable in in_path)


def test_what_neither_path_nor_body_sets_is_a_query_parameter() -> None:
    def query(name: str) -> dict[str, Any]:
        _, _, one = operation(name)
        return {p["name"]: p["schema"] for p in one.get("parameters", []) if p["in"] == "query"}

    asked = query("Library_GetBook_2")
    assert asked["big"] == {"type": "string", "format": "int64", "pattern": "^-?[0-9]{1,19}$"}
    assert asked["tags"] == {"type": "array", "items": {"type": "string"}}
    assert asked["madeAt"]["format"] == "date-time"
    assert {"snakeCaseName", "Sonderbar", "nested.text", "nested.words", "maybeText"} <= set(asked)
    # Neither what the path has, nor what one text cannot say, nor a type within itself.
    assert not {"id", "counts", "parts", "extra", "any", "nested.nested.text"} & set(asked)
    assert query("Library_GetBook_3") == {}
    assert "nested.text" not in query("Library_UpdateBook")
    assert "title" in query("Library_UpdateBook")


def test_bodies_and_answers_follow_the_annotation() -> None:
    def of(name: str, part: str) -> Any:
        one = operation(name)[2]
        return one["requestBody"] if part == "body" else one["responses"]["200"]["content"]

    book = {"$ref": "#/components/schemas/library.library.v1.Book"}
    nested = {"$ref": "#/components/schemas/library.library.v1.Nested"}
    assert of("Library_CreateBook", "body")["content"] == {"application/json": {"schema": book}}
    assert of("Library_UpdateBook", "body") == {"content": {"application/json": {"schema": nested}}}
    assert of("Library_SetTitle", "body")["required"] is True
    assert of("Library_Sum", "body")["content"]["application/json"]["schema"]["items"] == book
    assert list(of("Library_Upload", "body")["content"]) == ["*/*"]
    assert "requestBody" not in operation("Library_Purge")[2]
    stream = of("Library_ListBooks", "answer")
    assert set(stream) == {"application/x-ndjson", "text/event-stream", "application/json"}
    assert stream["application/json"]["schema"] == {"type": "array", "items": book}
    assert of("Beyond_GetNested", "answer")["application/json"]["schema"]["anyOf"][1] == {"type": "null"}
    assert list(of("Library_Download", "answer")) == ["*/*"]


def test_failures_say_which_codes_they_stand_for() -> None:
    one = operation("Library_GetBook")[2]
    shared = library()["components"]["responses"]
    for status, code in (("400", "INVALID_ARGUMENT"), ("404", "NOT_FOUND"), ("409", "ABORTED")):
        name = one["responses"][status]["$ref"].rpartition("/")[2]
        assert code in shared[name]["description"]
    for reason in ("starting", "updating", "unhealthy", "disabled", "quarantined", "overloaded"):
        assert f"`{reason}`" in shared["PluginUnavailable"]["description"]
    assert "Retry-After" in shared["TooManyCalls"]["headers"]


def test_what_openapi_has_no_place_for_is_told() -> None:
    (listed,) = library()["x-plugway-plugins"]
    assert listed == {
        "id": "library",
        "included": True,
        "reason": "REPORT /v1/books/{id}, as OpenAPI has no such method",
    }


# Messages of every kind, as the gateway writes them.

_NUMBERS = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(),
    FieldDescriptor.CPPTYPE_FLOAT: st.floats(width=32),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
}
_OPEN = {
    "Timestamp": st.builds(lambda s, n: {"seconds": s, "nanos": n}, st.integers(-62135596800, 253402300799),
                           st.integers(0, 999_999_999)),
    "Duration": st.integers(-315_576_000_000, 315_576_000_000).map(lambda s: {"seconds": s}),
    "FieldMask": st.lists(st.sampled_from(["title", "made_at", "nested.text"])).map(lambda p: {"paths": p}),
}  # fmt: skip


def single(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        name = field.message_type.name
        if name in _OPEN:
            return _OPEN[name]
        return (
            st.just({}) if name in ("Any", "Struct", "ListValue") else fields(field.message_type, depth + 1)
        )
    if field.enum_type is not None:
        return st.integers(0, 0 if "NullValue" in field.enum_type.name else 9)
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return st.binary(max_size=5) if field.type == FieldDescriptor.TYPE_BYTES else st.text(max_size=5)
    return _NUMBERS[field.cpp_type]


def value(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if is_map(field):
        assert field.message_type is not None
        inner = field.message_type.fields_by_name
        return st.dictionaries(single(inner["key"], depth), single(inner["value"], depth), max_size=2)
    return st.lists(single(field, depth), max_size=2) if field.is_repeated else single(field, depth)


def fields(type_: Descriptor, depth: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    if type_.full_name == "google.protobuf.Value":
        return st.sampled_from([{"null_value": 0}, {"number_value": 1.5}, {"string_value": "x"}])
    known = [field for field in type_.fields if depth < 3 or field.message_type is None]
    return st.fixed_dictionaries({}, optional={field.name: value(field, depth) for field in known})


def within(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": library()["components"]})


@settings(max_examples=150, deadline=None)
@given(fields(pool().FindMessageTypeByName("library.v1.Book")))
def test_whatever_a_service_answers_has_its_schema(content: dict[str, Any]) -> None:
    book = message("Book")
    made = book(**{name: one for name, one in content.items() if name not in ("by_number", "value")})
    for number, nested in content.get("by_number", {}).items():
        made.by_number[number].CopyFrom(message("Nested")(**nested))
    if "value" in content:
        made.value.CopyFrom(message("google.protobuf.Value")(**content["value"]))
    shown = Mapper(pool()).writer(book.DESCRIPTOR)(made)
    json.dumps(shown, allow_nan=False)
    within({"$ref": "#/components/schemas/library.library.v1.Book"}).validate(shown)


@pytest.mark.parametrize(
    "wrong",
    [
        {"big": 5}, {"number": 2**31}, {"real": "many"}, {"kind": "KIND_NONE"}, {"data": 5}, {"lasts": "1.5"},
        {"left": "x", "right": 1}, {"byNumber": {"x": {}}}, {"nested": {"nested": {"text": 1}}},
        {"any": {"@type": 1}}, {"tags": "x"}, {"list": {}}, {"nothing": 0}, {"small": "inf"},
    ],
    ids=",".join,
)  # fmt: skip
def test_what_no_service_answers_has_it_not(wrong: dict[str, Any]) -> None:
    assert not within({"$ref": "#/components/schemas/library.library.v1.Book"}).is_valid(wrong)


def compiled(tmp_path: Path, text: str) -> bytes:
    from grpc_tools import protoc

    (tmp_path / "own.proto").write_text(text)
    tools = importlib.resources.files("grpc_tools") / "_proto"
    commons = Path(http_pb2.__file__).parents[2]
    out = tmp_path / "set"
    places = [f"-I{tmp_path}", f"-I{commons}", f"-I{tools}"]
    options = ["--include_imports", "--include_source_info", f"--descriptor_set_out={out}"]
    assert protoc.main(["", *places, *options, "own.proto"]) == 0
    return out.read_bytes()


PROTO = """
syntax = "proto3";
package own;
import "google/api/annotations.proto";
// Keeps things.
service Things {
  // Find one thing.
  //
  // By its name.
  rpc Find(Thing) returns (Thing) {
    option (google.api.http) = {get: "/things/{name}"};
    option deprecated = true;
  }
  rpc Add(Thing) returns (Thing) { option (google.api.http) = {post: "/things" body: "*"}; }
}
// One thing.
message Thing {
  // What it is called.
  string name = 1;
  Kind kind = 2;  // Of which kind.
  message Part {
    // How many.
    int32 count = 1;
  }
  Part part = 3;
  string note = 4;
}
// What kinds there are.
enum Kind { NONE = 0; GOOD = 1; }
"""


def test_comments_become_descriptions(tmp_path: Path) -> None:
    own = manifest(services=("own.Things",), descriptor_set=compiled(tmp_path, PROTO))
    document = valid(merged(own))
    find = operations(document)["library_own_Things_Find"]
    assert (find["summary"], find["deprecated"]) == ("Find one thing.", True)
    assert find["description"] == "Find one thing.\n\nBy its name."
    assert find["parameters"][0]["description"] == "What it is called."
    assert operations(document)["library_own_Things_Add"]["summary"] == "Add"
    assert {"name": "library: own.Things", "description": "Keeps things."} in document["tags"]
    schemas = document["components"]["schemas"]
    thing = schemas["library.own.Thing"]
    assert thing["description"] == "One thing."
    assert thing["properties"]["kind"]["description"] == "Of which kind."
    assert schemas["library.own.Thing.Part"]["properties"]["count"]["description"] == "How many."
    assert schemas["library.own.Kind"]["description"] == "What kinds there are."


def test_routes_and_services_of_one_plugin_live_in_one_document(tmp_path: Path) -> None:
    http = minimal()
    http["paths"] = {
        # The same path by another name of its variable, an id and a component that the services have, too.
        "/things/{id}": {
            "get": {"operationId": "shadowed", "responses": {"200": {"description": ""}}},
            "delete": {"operationId": "own_Things_Find", "responses": {"204": {"description": ""}}},
        }
    }
    http["components"] = {"schemas": {"own.Thing": {"type": "integer"}}}
    own = manifest(http, services=("own.Things",), descriptor_set=compiled(tmp_path, PROTO))
    document = valid(merged(own))
    item = document["paths"]["/plugins/library/api/things/{id}"]
    # Calls go to the service, as they do at the gateway.
    assert item["get"]["operationId"] == "library_own_Things_Find_"
    assert item["delete"]["operationId"] == "library_own_Things_Find"
    assert [p["name"] for p in item["get"]["parameters"] if p["in"] == "path"] == ["id"]
    schemas = document["components"]["schemas"]
    assert schemas["library.own.Thing"] == {"type": "integer"}
    assert schemas["library.own.Thing_"]["type"] == "object"


def test_services_that_do_not_hold_take_nothing_else_away() -> None:
    broken = manifest(minimal(operationId="x"), descriptor_set=b"\xff\xff")
    document = valid(merged(broken))
    (listed,) = document["x-plugway-plugins"]
    assert listed["included"]
    assert "services are not described" in listed["reason"]
    assert "library_x" in operations(document)
    reverse = valid(merged(manifest({"openapi": "9"})))
    assert "OpenAPI document does not hold" in reverse["x-plugway-plugins"][0]["reason"]
    assert "library_library_v1_Library_GetBook" in operations(reverse)


def test_types_that_multiply_are_bounded(tmp_path: Path) -> None:
    # Each holds twenty of the next: all of its parameters would be 160,000.
    levels = [
        f"message L{level} {{ {' '.join(f'L{level + 1} f{n} = {n};' for n in range(1, 21))} }}"
        for level in range(4)
    ]
    text = (
        PROTO.replace("string note = 4;", "L0 much = 4;") + "\n".join(levels) + "message L4 { string x = 1; }"
    )
    own = manifest(services=("own.Things",), descriptor_set=compiled(tmp_path, text))
    document = valid(merged(own))
    assert len(operations(document)["library_own_Things_Find"]["parameters"]) <= 101
