"""One way of calling a method over HTTP: from path, query and body to its request, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import EncodeError

from gateway.proxy.typed.mapping import Mapper, Read, is_map
from gateway.proxy.typed.template import BadTemplate, Template
from gateway.proxy.typed.values import BadValue

HTTP_BODY = "google.api.HttpBody"
_FROM_TEXT = frozenset(f"google.protobuf.{name}" for name in ("Timestamp", "Duration", "FieldMask", "Value"))
_CLOSED = frozenset(f"google.protobuf.{name}" for name in ("Any", "Struct", "Value", "ListValue"))


class BadRequestBody(BadValue):
    """The body as a whole cannot be read."""


class _Place:
    """A field within a request, and how a text gets into it."""

    __slots__ = ("_leaf", "_steps", "name", "repeated")

    def __init__(self, type_: Descriptor, path: Sequence[str], mapper: Mapper) -> None:
        """Raises ``KeyError`` where there is no such field."""
        self._steps: list[tuple[str, bool]] = []
        self.name = ".".join(path)
        for step in path[:-1]:
            field = find_field(type_, step)
            if field.message_type is None or is_map(field) or field.message_type.full_name in _CLOSED:
                raise KeyError(step)
            self._steps.append((field.name, field.is_repeated))
            type_ = field.message_type
        field = find_field(type_, path[-1])
        self.repeated = field.is_repeated
        self._leaf = _leaf(field, mapper)

    def put(self, message: Any, text: str) -> None:
        for name, repeated in self._steps:
            child = getattr(message, name)
            message = (child[0] if child else child.add()) if repeated else child
        try:
            self._leaf(message, text)
        except BadValue as error:
            error.path = self.name.split(".")
            raise


def find_field(type_: Descriptor, name: str) -> FieldDescriptor:
    """Raises ``KeyError``."""
    # Both spellings are known, as in JSON.
    if (field := type_.fields_by_name.get(name)) is not None:
        return field
    return type_.fields_by_camelcase_name[name] if _same(type_, name) else _by_json_name(type_, name)


def _same(type_: Descriptor, name: str) -> bool:
    field = type_.fields_by_camelcase_name.get(name)
    return field is not None and field.json_name == name


def _by_json_name(type_: Descriptor, name: str) -> FieldDescriptor:
    for field in type_.fields:
        if field.json_name == name:
            return field
    raise KeyError(name)


def is_text(field: FieldDescriptor) -> bool:
    """Whether a text can say what the field is, or one of its values where it is repeated."""
    type_ = field.message_type
    return type_ is None or (not is_map(field) and (type_.full_name in _FROM_TEXT or _wraps(type_)))


def _leaf(field: FieldDescriptor, mapper: Mapper) -> Read:
    if not is_text(field):

        def refuse(message: Any, text: str) -> NoReturn:
            raise BadValue("cannot be given as a single text")

        return refuse
    return mapper.field_reader(field)


def _wraps(type_: Descriptor) -> bool:
    return type_.file.name == "google/protobuf/wrappers.proto"


class Binding:
    """``method`` is the gRPC path, ``HttpBody`` passes as it is. Made once, used by many calls."""

    def __init__(
        self,
        method: MethodDescriptor,
        http_method: str,
        template: Template,
        mapper: Mapper,
        *,
        body: str = "",
        response_body: str = "",
        text: str = "",
    ) -> None:
        """Raises :class:`BadTemplate` where the annotation names fields that are not there."""
        self.descriptor = method
        self.path = f"/{method.containing_service.full_name}/{method.name}"
        self.http_method = http_method
        self.template, self.text = template, text
        self.body, self.response_body = body, response_body
        self.client_streaming, self.server_streaming = method.client_streaming, method.server_streaming
        self._input, self._mapper = method.input_type, mapper
        self._request = message_factory.GetMessageClass(method.input_type)
        self._answer = message_factory.GetMessageClass(method.output_type)
        self._places: dict[str, _Place] = {}
        self._variables = [self._variable(variable.field) for variable in template.variables]
        self._fill = self._filler(body)
        self._show, self.raw = self._shower(response_body)

    def _variable(self, field: tuple[str, ...]) -> _Place:
        try:
            place = _Place(self._input, field, self._mapper)
        except KeyError:
            raise BadTemplate(f"{self._input.full_name} has no field {'.'.join(field)!r}") from None
        if place.repeated:
            raise BadTemplate(f"{'.'.join(field)!r} is repeated")
        return place

    # Requests

    def requests(self, values: Sequence[bytes], query: bytes, body: bytes, kind: str) -> list[bytes]:
        """The messages of the call: one, or as many as the body's array has where the client streams.

        ``kind`` is the body's media type. Raises :class:`BadValue`.
        """
        if not self.client_streaming:
            return [self._one(values, query, lambda message: self._fill(message, body, kind))]
        parts = _json(body)
        if not isinstance(parts, list):
            raise BadRequestBody("is not an array, which a stream of messages has to be")
        read = self._mapper.reader(self._input)

        def fill(message: Any, part: Any, index: int) -> None:
            try:
                read(message, part)
            except BadValue as error:
                error.path.insert(0, str(index))
                raise

        return [
            self._one(values, query, lambda message, part=part, index=index: fill(message, part, index))  # type: ignore[misc]
            for index, part in enumerate(parts)
        ]

    def _one(self, values: Sequence[bytes], query: bytes, fill: Callable[[Any], None]) -> bytes:
        message = self._request()
        later = self._take_query(message, query) if query else ()
        try:
            fill(message)
        except RecursionError:
            raise BadRequestBody("is nested too deeply") from None
        for place, text in later:
            place.put(message, text)
        # Last, so that nothing replaces what the path says: access was judged by the path.
        for place, value in zip(self._variables, values, strict=True):
            place.put(message, _decoded(value, place.name))
        try:
            return message.SerializeToString()
        except (EncodeError, ValueError):
            raise BadRequestBody("is nested too deeply") from None

    def _take_query(self, message: Any, query: bytes) -> list[tuple[_Place, str]]:
        """Puts single values in; returns the repeated ones, which come after those of the body."""
        later = []
        for pair in query.split(b"&"):
            name, _, value = pair.partition(b"=")
            if not name:
                continue
            key = _decoded(unquote_to_bytes(name), "the query")
            place = self._places.get(key) or self._place(key)
            text = _decoded(unquote_to_bytes(value), key)
            if place.repeated:
                later.append((place, text))
            else:
                place.put(message, text)
        return later

    def _place(self, key: str) -> _Place:
        try:
            place = _Place(self._input, key.split("."), self._mapper)
        except KeyError:
            error = BadValue("is no parameter of this call")
            error.path = [key]
            raise error from None
        # A client may name a field of a type that holds itself in endless ways.
        if len(self._places) < 1024:
            self._places[key] = place
        return place

    def _filler(self, body: str) -> Callable[[Any, bytes, str], None]:
        if body in ("", "*"):
            if self._input.full_name == HTTP_BODY:
                return _fill_raw
            read = self._mapper.reader(self._input)

            def fill(message: Any, data: bytes, kind: str) -> None:
                if data and not data.isspace():
                    read(message, _json(data))

            return fill
        field = self._input.fields_by_name.get(body)
        if field is None:
            raise BadTemplate(f"{self._input.full_name} has no field {body!r} for the body")
        name, read_field = field.name, self._mapper.field_reader(field)
        single = field.message_type is not None and not field.is_repeated
        if field.message_type is not None and field.message_type.full_name == HTTP_BODY:
            return lambda message, data, kind: _fill_raw(getattr(message, name), data, kind)

        def fill_field(message: Any, data: bytes, kind: str) -> None:
            if data and not data.isspace():
                read_field(message, _json(data))
            elif single:
                getattr(message, name).SetInParent()
            else:
                raise BadRequestBody("is missing")

        return fill_field

    # Answers

    def _shower(self, response_body: str) -> tuple[Callable[[Any], Any], bool]:
        output = self.descriptor.output_type
        if not response_body:
            return self._mapper.writer(output), output.full_name == HTTP_BODY
        field = output.fields_by_name.get(response_body)
        if field is None:
            raise BadTemplate(f"{output.full_name} has no field {response_body!r} for the answer")
        name, convert = field.name, self._mapper.field_writer(field)
        if field.message_type is not None and not field.is_repeated:
            if field.message_type.full_name == HTTP_BODY:
                return lambda message: getattr(message, name), True
            return lambda message: convert(getattr(message, name)) if message.HasField(name) else None, False  # type: ignore[misc]
        return (
            lambda message: getattr(message, name) if convert is None else convert(getattr(message, name)),
            False,
        )

    def answer(self, data: bytes) -> tuple[bytes, str]:
        """The body for one message of the answer, and its media type; raises ``DecodeError``."""
        message = self._answer.FromString(data)
        if not self.raw:
            shown = json.dumps(self._show(message), ensure_ascii=False, separators=(",", ":"))
            return shown.encode(), "application/json"
        raw: Any = self._show(message) if self.response_body else message
        return raw.data, raw.content_type or "application/octet-stream"


def _fill_raw(message: Any, data: bytes, kind: str) -> None:
    message.SetInParent()
    message.data = data
    message.content_type = kind


def _json(data: bytes) -> Any:
    try:
        return json.loads(data, parse_constant=_refuse_constant)
    except RecursionError:
        raise BadRequestBody("is nested too deeply") from None
    except ValueError as error:
        raise BadRequestBody(f"is not JSON: {error!s:.200}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _decoded(value: bytes, name: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        error = BadValue("is not UTF-8")
        error.path = name.split(".")
        raise error from None
