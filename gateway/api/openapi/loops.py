"""Schemas that are defined by nothing but themselves, which no program can follow to an end. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from gateway.api.openapi.schemas import BrokenDocument

_LISTS = ("allOf", "anyOf", "oneOf")
_SINGLES = ("not", "if", "then", "else")


def check_loops(schemas: Mapping[str, Any]) -> None:
    """A type may hold itself in a property or an item, not be itself; raises :class:`BrokenDocument`."""
    graph = {name: set(_same(schema)) for name, schema in schemas.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        names = " -> ".join(error.args[1][:5])
        raise BrokenDocument(f"a schema is defined by itself: {names:.200}") from None


def _same(schema: Any) -> Iterator[str]:
    """Names of the schemas that the same value has to be held against."""
    if not isinstance(schema, Mapping):
        return
    if "$ref" in schema:
        yield schema["$ref"].rpartition("/")[2]
    inner = [one for key in _LISTS for one in schema.get(key, ())]
    inner += [schema[key] for key in _SINGLES if key in schema]
    for one in (*inner, *schema.get("dependentSchemas", {}).values()):
        yield from _same(one)
