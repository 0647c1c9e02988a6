"""JSON of protobuf messages, both ways, compiled once for each type.

The library's json_format looks every field up anew, which takes several times as long. It
still does the well-known types, whose JSON has rules of its own.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from google.protobuf import descriptor_pool, json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from gateway.proxy.typed.values import BadValue, Convert, reader, writer

Read = Callable[[Any, Any], None]
"""Takes a message and the JSON value that goes into it; raises :class:`BadValue`."""

_WRAPPED = ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
_WRAPPERS = frozenset(f"google.protobuf.{name}Value" for name in _WRAPPED)
_OWN_RULES = _WRAPPERS | {
    f"google.protobuf.{name}"
    for name in ("Any", "Duration", "FieldMask", "ListValue", "Struct", "Timestamp", "Value")
}
_F = FieldDescriptor


def is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def entry_of(field: FieldDescriptor) -> tuple[FieldDescriptor, FieldDescriptor]:
    """Key and value of a map."""
    assert field.message_type is not None
    by_name = field.message_type.fields_by_name
    return by_name["key"], by_name["value"]


class Mapper:
    """All types of one pool. Made where many calls need them: :meth:`read`, :meth:`write`."""

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool
        self._readers: dict[str, Read] = {}
        self._writers: dict[str, Convert] = {}

    def reader(self, type_: Descriptor) -> Read:
        """Fills a message from JSON. Unknown fields are ignored, ``null`` is as if left out."""
        if (found := self._readers.get(type_.full_name)) is not None:
            return found
        if type_.full_name in _OWN_RULES:
            return self._readers.setdefault(type_.full_name, self._special_reader(type_))
        fields: dict[str, Read] = {}

        def read(message: Any, value: Any) -> None:
            if not isinstance(value, dict):
                raise BadValue("is not an object")
            for name, one in value.items():
                if (take := fields.get(name)) is not None:
                    try:
                        take(message, one)
                    except BadValue as error:
                        error.path.insert(0, name)
                        raise

        # Known before its fields are, as a type may hold itself.
        self._readers[type_.full_name] = read
        for field in type_.fields:
            fields[field.name] = fields[field.json_name] = self.field_reader(field)
        return read

    def field_reader(self, field: FieldDescriptor) -> Read:
        """Fills one field of a message that has it."""
        if is_map(field):
            return self._map_reader(field)
        if field.is_repeated:
            return self._list_reader(field)
        if field.message_type is None:
            return _once(field, _scalar_reader(field.name, reader(field)))
        inner, name = self.reader(field.message_type), field.name
        takes_null = field.message_type.full_name == "google.protobuf.Value"

        def read(message: Any, value: Any) -> None:
            if value is not None or takes_null:
                child = getattr(message, name)
                child.SetInParent()
                inner(child, value)

        return _once(field, read)

    def _list_reader(self, field: FieldDescriptor) -> Read:
        name = field.name
        type_ = field.message_type
        inner = self.reader(type_) if type_ is not None else None
        convert = reader(field) if inner is None else None
        takes_null = type_ is not None and type_.full_name == "google.protobuf.Value"

        def read(message: Any, value: Any) -> None:
            if value is None:
                return
            container = getattr(message, name)
            # A single value is taken for a list of one.
            for index, one in enumerate(value if isinstance(value, list) else (value,)):
                if one is None and not takes_null:
                    continue
                try:
                    if convert is not None:
                        container.append(convert(one))
                    elif inner is not None:
                        inner(container.add(), one)
                except BadValue as error:
                    error.path.insert(0, str(index))
                    raise

        return read

    def _map_reader(self, field: FieldDescriptor) -> Read:
        key_field, value_field = entry_of(field)
        key, name = reader(key_field), field.name
        inner = self.reader(value_field.message_type) if value_field.message_type is not None else None
        convert = reader(value_field) if inner is None else None

        def read(message: Any, value: Any) -> None:
            if value is None:
                return
            if not isinstance(value, dict):
                raise BadValue("is not an object")
            container = getattr(message, name)
            for text, one in value.items():
                try:
                    if convert is not None:
                        container[key(text)] = value_field.default_value if one is None else convert(one)
                    elif inner is not None:
                        child = container[key(text)]
                        if one is not None:
                            inner(child, one)
                except BadValue as error:
                    error.path.insert(0, text)
                    raise

        return read

    def _special_reader(self, type_: Descriptor) -> Read:
        if type_.full_name in _WRAPPERS:
            return _scalar_reader("value", reader(type_.fields_by_name["value"]))
        if type_.full_name == "google.protobuf.FieldMask":
            return _read_mask
        pool = self._pool

        def read(message: Any, value: Any) -> None:
            try:
                json_format.ParseDict(value, message, ignore_unknown_fields=True, descriptor_pool=pool)
            except (json_format.ParseError, TypeError, ValueError, AttributeError) as error:
                raise BadValue(f"is no {type_.name}: {error!s:.200}") from None

        return read

    def writer(self, type_: Descriptor) -> Convert:
        """Makes of a message what JSON has for it; fields at their defaults are left out."""
        if (found := self._writers.get(type_.full_name)) is not None:
            return found
        if type_.full_name in _OWN_RULES:
            return self._writers.setdefault(type_.full_name, self._special_writer(type_))
        fields: dict[int, tuple[str, Convert | None]] = {}

        def write(message: Any) -> dict[str, Any]:
            shown = {}
            for field, value in message.ListFields():
                if (known := fields.get(field.number)) is not None:
                    name, convert = known
                    shown[name] = value if convert is None else convert(value)
            return shown

        self._writers[type_.full_name] = write
        fields.update({field.number: (field.json_name, self.field_writer(field)) for field in type_.fields})
        return write

    def field_writer(self, field: FieldDescriptor) -> Convert | None:
        """For the value of one field; None where JSON has the value itself."""
        if is_map(field):
            key_field, value_field = entry_of(field)
            key = _map_key if key_field.cpp_type == _F.CPPTYPE_BOOL else str
            one = self._single_writer(value_field)
            return lambda value: {
                key(name): value[name] if one is None else one(value[name]) for name in value
            }
        single = self._single_writer(field)
        if not field.is_repeated:
            return single
        return list if single is None else lambda value: [single(one) for one in value]

    def _single_writer(self, field: FieldDescriptor) -> Convert | None:
        return writer(field) if field.message_type is None else self.writer(field.message_type)

    def _special_writer(self, type_: Descriptor) -> Convert:
        if type_.full_name in _WRAPPERS:
            convert = writer(type_.fields_by_name["value"])
            return lambda message: message.value if convert is None else convert(message.value)
        if type_.full_name == "google.protobuf.Any":
            return self.any
        pool = self._pool
        return lambda message: json_format.MessageToDict(message, descriptor_pool=pool)

    def any(self, message: Any) -> dict[str, Any]:
        """An ``Any``; one of a type that nobody here knows is shown as base64."""
        for pool in (self._pool, descriptor_pool.Default()):
            try:
                return json_format.MessageToDict(message, descriptor_pool=pool)
            except (TypeError, KeyError, DecodeError, json_format.SerializeToJsonError):
                continue
        return {"@type": message.type_url, "value": base64.b64encode(message.value).decode()}


def _scalar_reader(name: str, convert: Convert) -> Read:
    def read(message: Any, value: Any) -> None:
        if value is not None:
            setattr(message, name, convert(value))

    return read


def _once(field: FieldDescriptor, read: Read) -> Read:
    """Of the fields of a oneof only one may be given."""
    oneof = field.containing_oneof
    if oneof is None or len(oneof.fields) == 1:
        return read
    name = oneof.name

    def read_once(message: Any, value: Any) -> None:
        if value is None:
            return
        if (other := message.WhichOneof(name)) is not None:
            raise BadValue(f"cannot be given beside {other}")
        read(message, value)

    return read_once


def _map_key(key: bool) -> str:
    return "true" if key else "false"


def _read_mask(message: Any, value: Any) -> None:
    """Paths by comma. Both spellings of a name are taken; messages hold the one of the proto file."""
    if value is None:
        return
    if not isinstance(value, str):
        raise BadValue("is not text")
    message.paths.extend(_snake(path) for path in value.split(",") if path)


def _snake(path: str) -> str:
    return "".join(f"_{character.lower()}" if character.isupper() else character for character in path)
