"""What authors wrote beside services, messages, fields and values, from descriptors' source info. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto

LONGEST = 4000
"""Characters of one comment; the rest is left out."""

# Numbers of fields in descriptor.proto, of which the paths of comments are made.
_MESSAGES, _ENUMS, _SERVICES = 4, 5, 6
_FIELDS, _NESTED, _NESTED_ENUMS = 2, 3, 4
_METHODS = _VALUES = 2


def comments(file: FileDescriptorProto) -> dict[str, str]:
    """By full name. Empty where the set was made without source info (``--include_source_info``)."""
    said = {tuple(one.path): _text(one) for one in file.source_code_info.location}
    if not any(said.values()):
        return {}
    names = _names(file)
    return {name: said[path] for path, name in names if said.get(path)}


def _text(location: Any) -> str:
    words = location.leading_comments or location.trailing_comments
    # protoc keeps the blank that most people put after "//".
    lines = [line.removeprefix(" ").rstrip() for line in words.splitlines()]
    return "\n".join(lines).strip()[:LONGEST]


def _names(file: FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    prefix = f"{file.package}." if file.package else ""
    for index, service in enumerate(file.service):
        yield (_SERVICES, index), prefix + service.name
        yield from _members((_SERVICES, index, _METHODS), prefix + service.name, service.method)
    yield from _enums((_ENUMS,), prefix.rstrip("."), file.enum_type)
    for index, message in enumerate(file.message_type):
        yield from _message((_MESSAGES, index), prefix + message.name, message)


def _message(path: tuple[int, ...], name: str, message: Any) -> Iterator[tuple[tuple[int, ...], str]]:
    yield path, name
    yield from _members((*path, _FIELDS), name, message.field)
    yield from _enums((*path, _NESTED_ENUMS), name, message.enum_type)
    for index, nested in enumerate(message.nested_type):
        yield from _message((*path, _NESTED, index), f"{name}.{nested.name}", nested)


def _enums(path: tuple[int, ...], owner: str, enums: Sequence[Any]) -> Iterator[tuple[tuple[int, ...], str]]:
    for index, enum in enumerate(enums):
        name = f"{owner}.{enum.name}" if owner else enum.name
        yield (*path, index), name
        yield from _members((*path, index, _VALUES), name, enum.value)


def _members(
    path: tuple[int, ...], owner: str, members: Sequence[Any]
) -> Iterator[tuple[tuple[int, ...], str]]:
    for index, member in enumerate(members):
        yield (*path, index), f"{owner}.{member.name}" if owner else member.name
