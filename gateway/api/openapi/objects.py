"""The objects of a plugin's document, rebuilt from what is known of each kind.

Nothing is copied unseen: an unknown key is left out and a wrong value refused, so that
what comes out is valid whatever went in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.api.openapi.schemas import BrokenDocument, References, read_schema

Reader = Callable[[Any, References], Any]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_STYLES = {
    "path": {"matrix", "label", "simple"},
    "query": {"form", "spaceDelimited", "pipeDelimited", "deepObject"},
    "header": {"simple"},
    "cookie": {"form"},
}


def _text(value: Any, _: References) -> str:
    if not isinstance(value, str):
        raise BrokenDocument(f"{value!r:.100} is not text")
    return value


def _flag(value: Any, _: References) -> bool:
    if not isinstance(value, bool):
        raise BrokenDocument(f"{value!r:.100} is neither true nor false")
    return value


def _anything(value: Any, _: References) -> Any:
    return value


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BrokenDocument(f"{what} is not an object but {value!r:.100}")
    return value


def _build(value: Any, what: str, fields: Mapping[str, Reader], references: References) -> dict[str, Any]:
    source = mapping(value, what)
    result: dict[str, Any] = {}
    for key, read in fields.items():
        if key in source:
            try:
                result[key] = read(source[key], references)
            except BrokenDocument as error:
                raise BrokenDocument(f"{key} of {what}: {error}") from None
    return result


def _each(read: Reader) -> Reader:
    return lambda value, references: {
        str(key): read(item, references) for key, item in mapping(value, "it").items()
    }


def _or_reference(read: Reader, section: str) -> Reader:
    def reader(value: Any, references: References) -> Any:
        if isinstance(value, Mapping) and "$ref" in value:
            return {"$ref": references.reference(value["$ref"], section)}
        return read(value, references)

    return reader


def _example(value: Any, references: References) -> dict[str, Any]:
    fields: dict[str, Reader] = {"summary": _text, "description": _text, "value": _anything}
    return _build(value, "an example", fields, references)


examples = _each(_or_reference(_example, "examples"))

_DESCRIBED: dict[str, Reader] = {
    "description": _text,
    "required": _flag,
    "deprecated": _flag,
    "explode": _flag,
    "schema": read_schema,
    "example": _anything,
    "examples": examples,
}


def _one_shape(result: dict[str, Any], what: str) -> dict[str, Any]:
    """Exactly one of schema and content, at most one of example and examples."""
    if ("schema" in result) == ("content" in result):
        raise BrokenDocument(f"{what} needs either a schema or content")
    if "content" in result and len(result["content"]) != 1:
        raise BrokenDocument(f"content of {what} needs exactly one media type")
    if "content" in result:
        for key in ("explode", "example", "examples", "style", "allowReserved"):
            result.pop(key, None)
    if "example" in result:
        result.pop("examples", None)
    return result


def _media_type(value: Any, references: References) -> dict[str, Any]:
    encoding_fields: dict[str, Reader] = {"contentType": _text, "headers": headers, "explode": _flag}
    encoding = _each(lambda item, refs: _build(item, "an encoding", encoding_fields, refs))
    fields: dict[str, Reader] = {
        "schema": read_schema,
        "example": _anything,
        "examples": examples,
        "encoding": encoding,
    }
    result = _build(value, "a media type", fields, references)
    if "example" in result:
        result.pop("examples", None)
    return result


_content = _each(_media_type)


def _header(value: Any, references: References) -> dict[str, Any]:
    return _one_shape(_build(value, "a header", {**_DESCRIBED, "content": _content}, references), "a header")


headers = _each(_or_reference(_header, "headers"))


def parameter(value: Any, references: References) -> dict[str, Any]:
    fields = {**_DESCRIBED, "name": _text, "in": _text, "content": _content, "style": _text}
    result = _build(value, "a parameter", {**fields, "allowReserved": _flag}, references)
    place = result.get("in")
    if "name" not in result or place not in _STYLES:
        raise BrokenDocument("a parameter needs a name and a place: path, query, header or cookie")
    if result.get("style", next(iter(_STYLES[place]))) not in _STYLES[place]:
        raise BrokenDocument(f"a parameter in {place} cannot have the style {result['style']!r:.50}")
    if place != "query":
        result.pop("allowReserved", None)
    if place == "path":
        result["required"] = True
    return _one_shape(result, f"parameter {result['name']!r:.50}")


def request_body(value: Any, references: References) -> dict[str, Any]:
    fields: dict[str, Reader] = {"description": _text, "content": _content, "required": _flag}
    result = _build(value, "a request body", fields, references)
    if "content" not in result:
        raise BrokenDocument("a request body has no content")
    return result


def response(value: Any, references: References) -> dict[str, Any]:
    fields: dict[str, Reader] = {"description": _text, "headers": headers, "content": _content}
    return {"description": "", **_build(value, "a response", fields, references)}


def parameters(value: Any, references: References) -> list[dict[str, Any]]:
    """Parameters written out, as the check of a path's variables has to see them."""
    if not isinstance(value, list):
        raise BrokenDocument("parameters are not a list")
    return [parameter(references.follow(item, "parameters"), references) for item in value]


def responses(value: Any, references: References) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for status, item in mapping(value, "it").items():
        if not _is_status(str(status)):
            raise BrokenDocument(f"{status!r:.50} is no status")
        result[str(status)] = _or_reference(response, "responses")(item, references)
    return result


def operation(value: Any, references: References) -> dict[str, Any]:
    """An operation without callbacks, links, servers and security, which are the gateway's to say."""
    fields: dict[str, Reader] = {
        "tags": _texts,
        "summary": _text,
        "description": _text,
        "operationId": _text,
        "parameters": parameters,
        "requestBody": _or_reference(request_body, "requestBodies"),
        "responses": responses,
        "deprecated": _flag,
    }
    return _build(value, "an operation", fields, references)


COMPONENTS: dict[str, Reader] = {
    "schemas": read_schema,
    "responses": _or_reference(response, "responses"),
    "examples": _or_reference(_example, "examples"),
    "requestBodies": _or_reference(request_body, "requestBodies"),
    "headers": _or_reference(_header, "headers"),
}
"""What is taken over of the components; parameters are written out
where they are used, and security schemes are the gateway's."""


def _texts(value: Any, references: References) -> list[str]:
    if not isinstance(value, list):
        raise BrokenDocument(f"{value!r:.100} is not a list of texts")
    return [_text(item, references) for item in value]


def _is_status(status: str) -> bool:
    if status == "default" or (len(status) == 3 and status[0] in "12345" and status[1:] == "XX"):
        return True
    return len(status) == 3 and status.isascii() and status.isdigit() and "100" <= status <= "599"
