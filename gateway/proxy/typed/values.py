"""Single values of fields: from text in paths and queries, from JSON, and to JSON. Pure.

As in Envoy, text is taken for what the field's type makes of it, in JSON too:
``"5"`` is a number, ``"true"`` a flag.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

Convert = Callable[[Any], Any]

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_MAX_FLOAT = 3.4028235677973366e38


class BadValue(ValueError):
    """The value does not fit. ``path`` leads to it, from the outside inwards."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words
        self.path: list[str] = []

    @property
    def pointer(self) -> str:
        """RFC 6901."""
        return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in self.path)


def _integers(low: int, high: int) -> Convert:
    def convert(value: Any) -> int:
        if isinstance(value, str):
            if not _INTEGER.fullmatch(value):
                raise BadValue("is not an integer")
            number = int(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            number = value
        elif isinstance(value, float) and value.is_integer():
            number = int(value)
        else:
            raise BadValue("is not an integer")
        if not low <= number <= high:
            raise BadValue("is out of range")
        return number

    return convert


def _real(value: Any) -> float:
    if isinstance(value, str):
        if value in _SPECIAL:
            return _SPECIAL[value]
        if not _NUMBER.fullmatch(value):
            raise BadValue("is not a number")
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise BadValue("is not a number")
    number = float(value)
    if math.isinf(number):
        raise BadValue("is out of range")
    return number


def _single(value: Any) -> float:
    number = _real(value)
    if math.isfinite(number) and abs(number) >= _MAX_FLOAT:
        raise BadValue("is out of range")
    return number


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    lower = value.lower() if isinstance(value, str) else ""
    if lower in _TRUE:
        return True
    if lower in _FALSE:
        return False
    raise BadValue("is neither true nor false")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise BadValue("is not text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadValue("is not valid Unicode") from None
    return value


def _bytes(value: Any) -> bytes:
    if not isinstance(value, str) or not _BASE64.fullmatch(value):
        raise BadValue("is not base64")
    plain = value.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4))
    except binascii.Error:
        raise BadValue("is not base64") from None


def _enum(enum: EnumDescriptor) -> Convert:
    names = {value.name: value.number for value in enum.values}
    numbers = set(names.values())

    def convert(value: Any) -> int:
        if isinstance(value, str):
            if (number := names.get(value)) is not None:
                return number
            if _INTEGER.fullmatch(value) and int(value) in numbers:
                return int(value)
        elif isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31:
            # An unknown number passes, as a newer plugin may know it.
            return value
        raise BadValue(f"is none of {', '.join(list(names)[:20])}")

    return convert


_INT32 = _integers(-(2**31), 2**31 - 1)
_INT64 = _integers(-(2**63), 2**63 - 1)
_UINT32 = _integers(0, 2**32 - 1)
_UINT64 = _integers(0, 2**64 - 1)
_F = FieldDescriptor
_READERS: dict[int, Convert] = {
    _F.CPPTYPE_INT32: _INT32,
    _F.CPPTYPE_INT64: _INT64,
    _F.CPPTYPE_UINT32: _UINT32,
    _F.CPPTYPE_UINT64: _UINT64,
    _F.CPPTYPE_DOUBLE: _real,
    _F.CPPTYPE_FLOAT: _single,
    _F.CPPTYPE_BOOL: _flag,
}


def reader(field: FieldDescriptor) -> Convert:
    """From JSON or text to what the field takes; raises :class:`BadValue`. Not for messages."""
    if field.enum_type is not None:
        return _enum(field.enum_type)
    if field.cpp_type == _F.CPPTYPE_STRING:
        return _bytes if field.type == _F.TYPE_BYTES else _text
    return _READERS[field.cpp_type]


def _shown_real(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _shown_single(value: float) -> float | str:
    """The shortest decimal that means this 32-bit number."""
    if not math.isfinite(value):
        return _shown_real(value)
    exact = struct.pack("f", value)
    for digits in range(6, 9):
        short = float(f"{value:.{digits}g}")
        if abs(short) < _MAX_FLOAT and struct.pack("f", short) == exact:
            return short
    return float(f"{value:.9g}")


def _shown_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _shown_enum(enum: EnumDescriptor) -> Convert:
    if enum.full_name == "google.protobuf.NullValue":
        return lambda _: None
    names = {value.number: value.name for value in reversed(enum.values)}
    return lambda number: names.get(number, number)


def writer(field: FieldDescriptor) -> Convert | None:
    """To what JSON has for it; None where that is the value itself. Not for messages."""
    kind = field.cpp_type
    if field.enum_type is not None:
        return _shown_enum(field.enum_type)
    if kind in (_F.CPPTYPE_INT64, _F.CPPTYPE_UINT64):
        return str
    if kind == _F.CPPTYPE_DOUBLE:
        return _shown_real
    if kind == _F.CPPTYPE_FLOAT:
        return _shown_single
    return _shown_bytes if field.type == _F.TYPE_BYTES else None
