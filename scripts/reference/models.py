"""Documents that are read by pydantic models: their JSON schemas as tables, one for each object."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from scripts.reference.text import code, one_line, table

_REF = "#/$defs/"


class Undescribed(ValueError):
    """A field that does not say what it means: give it a description where it is declared."""


def model_page(title: str, words: str, model: type[BaseModel]) -> str:
    schema = model.model_json_schema(by_alias=True)
    defs = schema.get("$defs", {})
    parts = [f"# {title}\n\n{words}\n\n{_fields(title, schema, defs)}"]
    for name in dict.fromkeys(_objects(schema, defs)):
        part = defs[name]
        about = inspect.cleandoc(part.get("description", "")).replace("``", "`")
        parts.append(f"## {_title(name)}\n\n" + (f"{about}\n\n" if about else "") + _fields(name, part, defs))
    return "\n".join(parts)


def _fields(owner: str, schema: dict[str, Any], defs: dict[str, Any]) -> str:
    required = schema.get("required", ())
    rows = []
    for name, field in schema["properties"].items():
        said = field.get("description")
        if not said:
            raise Undescribed(f"{owner}: {name}")
        default = "required" if name in required else _default(field.get("default"))
        rows.append((code(name), _kind(field, defs), default, one_line(said)))
    return table(("field", "type", "default", "meaning"), rows)


def _default(value: Any) -> str:
    empty = value in (None, "", [], {}) or (isinstance(value, dict) and not any(value.values()))
    return "" if empty else code(json.dumps(value))


def _kind(field: dict[str, Any], defs: dict[str, Any]) -> str:
    for member in ("anyOf", "allOf"):
        if member in field:
            kinds = [_kind(one, defs) for one in field[member] if one.get("type") != "null"]
            return " or ".join(kind for kind in kinds if kind != '`""`')
    if "$ref" in field:
        name = field["$ref"].removeprefix(_REF)
        return (
            _kind(defs[name], defs)
            if "enum" in defs[name]
            else f"[{_title(name)}](#{_title(name).replace(' ', '-')})"
        )
    if "const" in field:
        return code(json.dumps(field["const"]))
    if "enum" in field:
        return ", ".join(code(json.dumps(value)) for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {_kind(field['items'], defs)}" + _bounds(field, "minItems", "maxItems", "entries")
    if field.get("type") == "object" and isinstance(values := _values(field), dict):
        return f"table of {_kind(values, defs)}"
    return _scalar(field)


def _values(field: dict[str, Any]) -> Any:
    """The schema of the values of a table with names of the user's own."""
    return next(iter(field.get("patternProperties", {}).values()), field.get("additionalProperties"))


def _scalar(field: dict[str, Any]) -> str:
    kind = {"string": "text", "integer": "number", "boolean": "true or false", "object": "table"}[
        field["type"]
    ]
    if field.get("format") == "date-time":
        kind = "time"
    if pattern := field.get("pattern"):
        kind += f" that matches {code(pattern)}".replace("|", "\\|")
    return (
        kind
        + _bounds(field, "minLength", "maxLength", "characters")
        + _bounds(field, "minimum", "maximum", "")
    )


def _bounds(field: dict[str, Any], least: str, most: str, unit: str) -> str:
    low, high = field.get(least), field.get(most)
    if low is None and high is None:
        return ""
    if (low, high) == (1, None):
        return ", not empty"
    said = f"at most {high}" if low is None else f"at least {low}" if high is None else f"{low} to {high}"
    return f", {said} {unit}".rstrip()


def _objects(schema: Any, defs: dict[str, Any]) -> Iterator[str]:
    """Names of the objects that the schema refers to, in the order in which they are met."""
    if isinstance(schema, list):
        for one in schema:
            yield from _objects(one, defs)
    if not isinstance(schema, dict):
        return
    name = str(schema.get("$ref", "")).removeprefix(_REF)
    if name and "properties" in defs[name]:
        yield name
        yield from _objects(defs[name]["properties"], defs)
    for key, value in schema.items():
        if key != "$defs":
            yield from _objects(value, defs)


def _title(name: str) -> str:
    """As people write it: ``ReleaseLock`` is "release lock"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.lstrip("_").removesuffix("Form")).lower()
