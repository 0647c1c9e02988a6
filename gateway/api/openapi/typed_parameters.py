"""Parameters of typed calls: what path and query set of the request. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.api.openapi.messages import Messages
from gateway.api.openapi.template_paths import PathVariable
from gateway.proxy.typed.binding import find_field, is_text

MOST = 100
DEEPEST = 4
"""Messages within messages. The gateway takes any depth; nobody wants to read them."""

_FieldPath = tuple[str, ...]


def path_parameters(
    messages: Messages, input_: Descriptor, variables: Sequence[PathVariable]
) -> list[dict[str, Any]]:
    return [_in_path(messages, input_, variable) for variable in variables]


def _in_path(messages: Messages, input_: Descriptor, variable: PathVariable) -> dict[str, Any]:
    parameter = {"name": variable.name, "in": "path", "required": True, "schema": {"type": "string"}}
    words = []
    if variable.part:
        words.append(f"The wildcard in `{variable.part}`, which as a whole is `{'.'.join(variable.field)}`.")
    elif variable.field:
        field = _field_at(input_, variable.field)
        schema = messages.field(field)
        words.append(schema.pop("description", ""))
        parameter["schema"] = schema
    if variable.rest:
        words.append("May have several segments.")
    if text := " ".join(filter(None, words)):
        parameter["description"] = text
    return parameter


def _field_at(type_: Descriptor, path: Sequence[str]) -> FieldDescriptor:
    for step in path[:-1]:
        inner = find_field(type_, step).message_type
        assert inner is not None
        type_ = inner
    return find_field(type_, path[-1])


def query_parameters(
    messages: Messages, input_: Descriptor, bound: Sequence[_FieldPath], body: str
) -> list[dict[str, Any]]:
    """Every field that neither path nor body sets and that one text can hold, nested ones with dots."""
    if body == "*":
        return []
    # By the names of the proto file, whichever spelling the template has.
    taken = {tuple(_names(input_, path)) for path in bound} | ({(body,)} if body else set())
    found = []
    for path, name, field in _leaves(input_, (), (), frozenset()):
        if path in taken or path[:1] in taken:
            continue
        schema = messages.field(field)
        parameter: dict[str, Any] = {"name": name, "in": "query", "schema": schema}
        if words := schema.pop("description", ""):
            parameter["description"] = words
        found.append(parameter)
        if len(found) == MOST:
            break
    return found


def _names(type_: Descriptor, path: Sequence[str]) -> Iterator[str]:
    for step in path:
        field = find_field(type_, step)
        yield field.name
        if field.message_type is not None:
            type_ = field.message_type


def _leaves(
    type_: Descriptor, path: _FieldPath, shown: _FieldPath, above: frozenset[str]
) -> Iterator[tuple[_FieldPath, str, FieldDescriptor]]:
    above = above | {type_.full_name}
    for field in type_.fields:
        here, there = (*path, field.name), (*shown, field.json_name)
        inner = field.message_type
        if is_text(field):
            yield here, ".".join(there), field
        elif inner is not None and not field.is_repeated and not _ends(inner, above):
            yield from _leaves(inner, here, there, above)


def _ends(type_: Descriptor, above: frozenset[str]) -> bool:
    """A type that holds itself would go on for ever; those of Google's JSON are no objects."""
    own = type_.full_name.startswith("google.protobuf.")
    return own or type_.full_name in above or len(above) >= DEEPEST
