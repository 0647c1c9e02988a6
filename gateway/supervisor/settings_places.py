"""Where a setting stands: JSON Pointers in a document, and what a JSON Schema has at such a place. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.registry.records import PluginSettings

Json = Any
Schema = Mapping[str, Any]


def put_together(settings: PluginSettings) -> dict[str, Json]:
    """The settings as the plugin sees them, secrets in place."""
    document: dict[str, Json] = _copy(dict(settings.values))
    for pointer, secret in settings.secrets.items():
        *parents, last = parts_of(pointer)
        place: Json = document
        for part in parents:
            place = step(place, part)
        if isinstance(place, dict):
            place[last] = secret
        elif isinstance(place, list) and last.isdigit() and int(last) < len(place):
            place[int(last)] = secret
    return document


def escape(part: str) -> str:
    """One part of a JSON Pointer (RFC 6901)."""
    return part.replace("~", "~0").replace("/", "~1")


def parts_of(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def step(place: Json, part: str) -> Json:
    if isinstance(place, Mapping):
        return place.get(part)
    if isinstance(place, list) and part.isdigit() and int(part) < len(place):
        return place[int(part)]
    return None


def property_forms(root: Schema, schema: Schema, name: str) -> Iterator[Schema]:
    for form in all_forms(root, schema):
        known = form.get("properties", {})
        found = known.get(name, form.get("additionalProperties"))
        # A plugin's expressions are not run here: each may be meant, and a secret too many does no harm.
        for each in (found, *form.get("patternProperties", {}).values()):
            if is_schema(each):
                yield each


def is_secret(root: Schema, forms: list[Schema]) -> bool:
    return any(form.get("writeOnly") is True for schema in forms for form in all_forms(root, schema))


def all_forms(root: Schema, schema: Schema, seen: set[int] | None = None) -> Iterator[Schema]:
    """The schema, and every one that it refers to or is put together from, each once."""
    seen = set() if seen is None else seen
    if id(schema) in seen:
        return
    seen.add(id(schema))
    yield schema
    if (found := referred(root, schema)) is not None:
        yield from all_forms(root, found, seen)
    for word in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(word, ()):
            if is_schema(part):
                yield from all_forms(root, part, seen)


def referred(root: Schema, schema: Schema) -> Schema | None:
    """What its ``$ref`` names in this document, where that is a schema."""
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return None
    found: Json = root
    for part in parts_of(reference[1:]):
        found = step(found, part)
    return found if is_schema(found) else None


def is_schema(value: Json) -> bool:
    return isinstance(value, Mapping)


def _copy(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
