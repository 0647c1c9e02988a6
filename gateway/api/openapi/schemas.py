"""JSON Schemas of a plugin's document: references renamed, older spellings made new, all of it checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

DEEPEST = 64
"""Levels. Real documents have about ten; deeper ones are made to exhaust a stack."""

_MAPS = ("properties", "patternProperties", "dependentSchemas")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLES = (
    "not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames",
    "unevaluatedItems", "unevaluatedProperties", "contentSchema",
)  # fmt: skip
# They would give a schema a place of its own, to which no reference of the merged document leads.
_PLACES = ("$id", "$schema", "$anchor", "$dynamicAnchor", "$vocabulary", "nullable", "id")
_REFERENCE = re.compile(r"#/components/([A-Za-z]+)/([A-Za-z0-9._-]+)")


class BrokenDocument(Exception):
    """The document cannot be taken over; the text says where and why."""


class References:
    """Gives the components of one plugin names that no other plugin has."""

    def __init__(self, prefix: str, components: Mapping[str, Any]) -> None:
        self._prefix = prefix
        self._known = {
            (section, name): member
            for section, members in components.items()
            if isinstance(members, Mapping)
            for name, member in members.items()
        }

    def name(self, name: str) -> str:
        return f"{self._prefix}.{name}"

    def reference(self, value: Any, section: str) -> str:
        """The reference as it reads in the merged document; it must lead to a ``section`` member."""
        return f"#/components/{section}/{self.name(self._target(value, section))}"

    def follow(self, value: Any, section: str) -> Any:
        """What the value is, or refers to, over at most eight references."""
        for _ in range(8):
            if not isinstance(value, Mapping) or "$ref" not in value:
                return value
            value = self._known[section, self._target(value["$ref"], section)]
        raise BrokenDocument("a reference leads nowhere")

    def _target(self, value: Any, section: str) -> str:
        found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise BrokenDocument(f"{value!r:.100} does not refer to a component of this document")
        if found[1] != section or (section, found[2]) not in self._known:
            raise BrokenDocument(f"{value!r:.100} refers to nothing in components/{section}")
        return found[2]


def read_schema(schema: Any, references: References) -> Any:
    """The schema as it reads in the merged document; raises :class:`BrokenDocument`."""
    result = _convert(schema, references, 0)
    error = next(metaschema().iter_errors(result), None)
    if error is not None:
        raise BrokenDocument(f"a schema does not hold: {error.message:.200}")
    return result


@cache
def metaschema() -> Draft202012Validator:
    """JSON Schema's own schema with its vocabularies in one.

    The same rules without a walk through seven documents for each schema, which takes five times as long.
    """
    # Imported here: who asks for no document waits for neither at the start.
    from jsonschema import Draft202012Validator
    from jsonschema_specifications import REGISTRY

    whole = Draft202012Validator.META_SCHEMA
    flat: dict[str, Any] = {"type": whole["type"], "properties": dict(whole["properties"]), "$defs": {}}
    for part in whole["allOf"]:
        vocabulary: Any = REGISTRY.contents(urljoin(whole["$id"], part["$ref"]))
        flat["properties"] |= vocabulary.get("properties", {})
        flat["$defs"] |= vocabulary.get("$defs", {})
    text = json.dumps(flat).replace('"$dynamicRef": "#meta"', '"$ref": "#"')
    text = re.sub(r'"\$ref": "meta/[a-z-]+#', '"$ref": "#', text)
    checker = Draft202012Validator.FORMAT_CHECKER
    return Draft202012Validator(json.loads(text), format_checker=checker)


def _convert(schema: Any, references: References, depth: int) -> Any:
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, Mapping):
        raise BrokenDocument(f"{schema!r:.100} is not a schema")
    if depth > DEEPEST:
        raise BrokenDocument(f"a schema is nested more than {DEEPEST} deep")
    result = {key: value for key, value in schema.items() if key not in _PLACES}
    _convert_inner(result, references, depth + 1)
    if "$ref" in result:
        result["$ref"] = references.reference(result["$ref"], "schemas")
    # Local definitions have no place in a merged document, and nothing may refer to them.
    for key in ("$defs", "definitions", "$dynamicRef"):
        result.pop(key, None)
    if "discriminator" in result:
        result["discriminator"] = _discriminator(result["discriminator"], references)
    _modernise_bounds(result)
    return _nullable(result) if schema.get("nullable") is True else result


def _convert_inner(schema: dict[str, Any], references: References, depth: int) -> None:
    for key in _MAPS:
        if isinstance(schema.get(key), Mapping):
            schema[key] = {name: _convert(one, references, depth) for name, one in schema[key].items()}
    for key in _LISTS:
        if isinstance(schema.get(key), list):
            schema[key] = [_convert(one, references, depth) for one in schema[key]]
    for key in _SINGLES:
        if key in schema:
            schema[key] = _convert(schema[key], references, depth)


def _discriminator(value: Any, references: References) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not isinstance(value.get("propertyName"), str):
        raise BrokenDocument("a discriminator has no propertyName")
    mapping = value.get("mapping", {})
    if not isinstance(mapping, Mapping):
        raise BrokenDocument("a discriminator's mapping is not an object")
    full = {
        key: target if str(target).startswith("#") else f"#/components/schemas/{target}"
        for key, target in mapping.items()
    }
    named = {key: references.reference(target, "schemas") for key, target in full.items()}
    return {"propertyName": value["propertyName"], **({"mapping": named} if named else {})}


def _modernise_bounds(schema: dict[str, Any]) -> None:
    """OpenAPI 3.0 had exclusive bounds as a flag beside the bound."""
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        flag = schema.get(exclusive)
        if isinstance(flag, bool):
            del schema[exclusive]
            if flag and bound in schema:
                schema[exclusive] = schema.pop(bound)


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI 3.0 had ``nullable`` where JSON Schema has the type ``null``."""
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
