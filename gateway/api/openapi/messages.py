"""JSON Schemas of protobuf messages, as ``gateway.proxy.typed`` reads and writes them. Pure.

They say what comes out. What goes in may also be written as proto3 JSON allows beside that: numbers as
text, enums by number, fields by the name of the proto file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, OneofDescriptor

from gateway.api.openapi.schemas import BrokenDocument
from gateway.proxy.typed.mapping import entry_of, is_map

Schema = dict[str, Any]

MOST_COMPONENTS = 2000
MOST_FIELDS = 20_000
"""Over all messages of a plugin."""

_F = FieldDescriptor
_REAL: Schema = {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}
_ANY_OBJECT: Schema = {
    "type": "object",
    # Not required: an Any that was never filled is an empty object.
    "properties": {"@type": {"type": "string", "description": "The URL of the type."}},
}
_WELL_KNOWN: dict[str, Schema] = {
    "Any": _ANY_OBJECT,
    "Duration": {"type": "string", "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,9})?s$", "examples": ["1.5s"]},
    "FieldMask": {"type": "string", "examples": ["title,text"]},
    "ListValue": {"type": "array", "items": {}},
    "Struct": {"type": "object"},
    "Timestamp": {"type": "string", "format": "date-time"},
    "Value": {"description": "Any JSON value."},
}
_SCALARS: dict[int, Schema] = {
    _F.CPPTYPE_INT32: {"type": "integer", "format": "int32", "minimum": -(2**31), "maximum": 2**31 - 1},
    _F.CPPTYPE_UINT32: {"type": "integer", "format": "uint32", "minimum": 0, "maximum": 2**32 - 1},
    # JSON's numbers are doubles to most readers, so proto3 has these as text.
    _F.CPPTYPE_INT64: {"type": "string", "format": "int64", "pattern": "^-?[0-9]{1,19}$"},
    _F.CPPTYPE_UINT64: {"type": "string", "format": "uint64", "pattern": "^[0-9]{1,20}$"},
    _F.CPPTYPE_DOUBLE: {**_REAL, "format": "double"},
    _F.CPPTYPE_FLOAT: {**_REAL, "format": "float"},
    _F.CPPTYPE_BOOL: {"type": "boolean"},
}
_BYTES: Schema = {"type": "string", "format": "byte", "contentEncoding": "base64"}
_TEXT: Schema = {"type": "string"}


class Messages:
    """Schemas of one plugin's messages and enums, as components that its operations refer to.

    ``name`` makes a component's name of a full name. Raises :class:`BrokenDocument` over the limits.
    """

    def __init__(self, name: Callable[[str], str], comments: Mapping[str, str]) -> None:
        self.components: dict[str, Schema] = {}
        self._name = name
        self._comments = comments
        self._fields = 0

    def message(self, type_: Descriptor) -> Schema:
        """A reference, or the schema itself where the type is one of the well-known ones."""
        if (known := _well_known(type_)) is not None:
            return known
        name = self._name(type_.full_name)
        if name not in self.components:
            self._make_room(len(type_.fields))
            # Known before its fields are, as a type may hold itself.
            schema = self.components[name] = self._described({"type": "object"}, type_.full_name)
            schema["properties"] = {field.json_name: self.field(field) for field in type_.fields}
            if required := [field.json_name for field in type_.fields if field.is_required]:
                schema["required"] = required
            if choices := [_at_most_one(one) for one in type_.oneofs if len(one.fields) > 1]:
                schema["allOf"] = choices
        return {"$ref": f"#/components/schemas/{name}"}

    def field(self, field: FieldDescriptor) -> Schema:
        """What JSON has for the field."""
        if is_map(field):
            key, value = entry_of(field)
            schema = {"type": "object", "additionalProperties": self.single(value), **_names(key)}
        elif field.is_repeated:
            schema = {"type": "array", "items": self.single(field)}
        else:
            schema = self.single(field)
        return self._described(schema, field.full_name)

    def single(self, field: FieldDescriptor) -> Schema:
        """One value of the field, also where it is repeated."""
        if field.message_type is not None:
            return self.message(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.cpp_type == _F.CPPTYPE_STRING:
            return dict(_BYTES if field.type == _F.TYPE_BYTES else _TEXT)
        return dict(_SCALARS[field.cpp_type])

    def _enum(self, enum: EnumDescriptor) -> Schema:
        if enum.full_name == "google.protobuf.NullValue":
            return {"type": "null"}
        name = self._name(enum.full_name)
        if name not in self.components:
            self._make_room(len(enum.values))
            values = list(dict.fromkeys(value.name for value in enum.values))
            schema: Schema = {"type": "string", "enum": values}
            if not enum.is_closed:
                # A newer plugin may have values that its descriptors lack: they go by their numbers.
                schema = {"anyOf": [schema, {"type": "integer", "format": "int32"}]}
            self.components[name] = self._described(schema, enum.full_name)
        return {"$ref": f"#/components/schemas/{name}"}

    def _described(self, schema: Schema, full_name: str) -> Schema:
        words = self._comments.get(full_name)
        return {**schema, "description": words} if words else schema

    def _make_room(self, fields: int) -> None:
        self._fields += fields
        if len(self.components) >= MOST_COMPONENTS or self._fields > MOST_FIELDS:
            raise BrokenDocument("its services' messages are too many or too large")


def _well_known(type_: Descriptor) -> Schema | None:
    package, _, name = type_.full_name.rpartition(".")
    if package != "google.protobuf":
        return None
    if name in _WELL_KNOWN:
        return dict(_WELL_KNOWN[name])
    if type_.file.name == "google/protobuf/wrappers.proto":
        value = type_.fields_by_name["value"]
        if value.cpp_type == _F.CPPTYPE_STRING:
            return dict(_BYTES if value.type == _F.TYPE_BYTES else _TEXT)
        return dict(_SCALARS[value.cpp_type])
    return None


def _names(key: FieldDescriptor) -> Schema:
    if key.cpp_type == _F.CPPTYPE_STRING:
        return {}
    if key.cpp_type == _F.CPPTYPE_BOOL:
        return {"propertyNames": {"enum": ["true", "false"]}}
    return {"propertyNames": {"pattern": "^-?[0-9]{1,20}$"}}


def _at_most_one(oneof: OneofDescriptor) -> Schema:
    each: list[Schema] = [{"required": [field.json_name]} for field in oneof.fields]
    return {"oneOf": [*each, {"not": {"anyOf": [dict(one) for one in each]}}]}


def free_name(prefix: str, taken: Set[str]) -> Callable[[str], str]:
    """Names for components that the plugin's own document has not taken."""

    def name(full_name: str) -> str:
        made = f"{prefix}.{full_name}"
        while made in taken:
            made += "_"
        return made

    return name
