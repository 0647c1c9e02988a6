"""Settings as words on a command line, read by the plugin's JSON Schema. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.cli.exits import Exit, Failure, failure
from gateway.hints import near

Schema = Mapping[str, Any]


def changed(
    values: Mapping[str, Any], schema: Schema, words: Iterable[str], unset: Iterable[str]
) -> dict[str, Any]:
    """``values`` with ``key=value`` words applied and ``unset`` keys taken out; raises :class:`Failure`."""
    result = dict(values)
    for key in unset:
        property_of(schema, key)
        result.pop(key, None)
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise failure(
                Exit.USAGE, f"'{word}' is not of the form key=value.", "Write for example: readOnly=true"
            )
        described = property_of(schema, key)
        if is_secret(described):
            raise failure(
                Exit.USAGE,
                f"'{key}' is a secret: on a command line others could see it, and the shell would keep it.",
                f"Write --secret {key}; it is asked for, or read from stdin.",
            )
        result[key] = read_value(key, text, described, schema)
    return result


def property_of(schema: Schema, key: str) -> Schema:
    """The schema of one setting; an unknown one is a failure with the nearest names."""
    properties = schema.get("properties", {})
    if key in properties:
        return _resolved(properties[key], schema)
    if schema.get("additionalProperties", False) in (False, None):
        raise _unknown(key, properties)
    return {}


def is_secret(described: Schema) -> bool:
    return bool(described.get("writeOnly")) or any(is_secret(part) for part in described.get("anyOf", ()))


def read_value(key: str, text: str, described: Schema, schema: Schema) -> Any:
    """A string where the schema wants one, JSON otherwise."""
    types = _types(described, schema)
    if types == {"string"}:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        if "string" in types or not types:
            return text
        wanted = " or ".join(sorted(types))
        raise failure(Exit.REFUSED, f"'{key}' takes {wanted}, not '{text}'.") from None
    if "string" in types and not isinstance(value, str) and not (_type_of(value) & types):
        return text
    return value


def _types(described: Schema, schema: Schema) -> set[str]:
    found: set[str] = set()
    for part in (described, *(_resolved(p, schema) for p in described.get("anyOf", ()))):
        kind = part.get("type", ())
        found |= {kind} if isinstance(kind, str) else set(kind)
        if "enum" in part and "type" not in part:
            found |= {name for value in part["enum"] for name in _type_of(value)}
    return found


def _type_of(value: Any) -> set[str]:
    match value:
        case bool():
            return {"boolean"}
        case int():
            return {"integer", "number"}
        case float():
            return {"number"}
        case str():
            return {"string"}
        case list():
            return {"array"}
        case None:
            return {"null"}
        case _:
            return {"object"}


def _resolved(described: Schema, schema: Schema) -> Schema:
    """The target of a reference into ``$defs``, with what stands beside it."""
    reference = str(described.get("$ref", ""))
    if not reference.startswith("#/$defs/"):
        return described
    target = schema.get("$defs", {}).get(reference.removeprefix("#/$defs/"), {})
    return {**target, **described}


def _unknown(key: str, known: Iterable[str]) -> Failure:
    return failure(Exit.REFUSED, f"There is no setting '{key}'.", near(key, known))
