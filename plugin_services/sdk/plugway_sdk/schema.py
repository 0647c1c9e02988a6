"""The JSON Schema of the settings, in the shape that consoles and registries read easily."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]


def settings_schema(settings: type[BaseModel]) -> Schema:
    """JSON Schema 2020-12 of one object.

    References are replaced by what they point to (recursive ones stay), and an optional
    secret carries ``writeOnly`` itself, not only inside one of its alternatives.
    """
    schema = settings.model_json_schema()
    definitions = schema.get("$defs", {})
    plain = _inline(schema, definitions, ())
    if "#/$defs/" not in str(plain):
        plain.pop("$defs", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **plain}


def _inline(node: Any, definitions: Schema, above: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_inline(item, definitions, above) for item in node]
    if not isinstance(node, dict):
        return node
    name = str(node.get("$ref", "")).removeprefix("#/$defs/")
    if name in definitions and name not in above:
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _inline({**definitions[name], **rest}, definitions, (*above, name))
    plain = {key: _inline(value, definitions, above) for key, value in node.items() if key != "$defs"}
    if "$defs" in node:
        plain["$defs"] = node["$defs"]
    alternatives = plain.get("anyOf")
    if isinstance(alternatives, list) and any(
        isinstance(a, dict) and a.get("writeOnly") for a in alternatives
    ):
        plain["writeOnly"] = True
    return plain
