"""The typed services of a plugin as operations. Pure, and slow for large sets: not for an event loop."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import Descriptor

from gateway.api.openapi.comments import comments
from gateway.api.openapi.gateway_answers import rpc_answers
from gateway.api.openapi.messages import Messages, Schema, free_name
from gateway.api.openapi.objects import METHODS
from gateway.api.openapi.schemas import BrokenDocument
from gateway.api.openapi.template_paths import openapi_path
from gateway.api.openapi.typed_parameters import path_parameters, query_parameters
from gateway.model import Manifest, PluginId
from gateway.proxy.typed.api import TypedApi
from gateway.proxy.typed.binding import HTTP_BODY, Binding

MOST_BINDINGS = 2000
_RAW: Schema = {"*/*": {"schema": {}}}


@dataclass(frozen=True, slots=True)
class TypedOperation:
    path: str
    method: str
    name: str
    """The same for as long as service and method are called so, and in the order of their bindings."""
    operation: dict[str, Any]


@dataclass(slots=True)
class TypedDocument:
    """``left_out`` says in words what has no place in OpenAPI."""

    operations: list[TypedOperation] = field(default_factory=list)
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    """What is said of each service, by its tag."""


def typed_document(plugin: PluginId, manifest: Manifest, taken: Set[str]) -> TypedDocument:
    """``taken`` are names of schemas that the plugin's own document has.

    Raises :class:`BrokenDocument`, and ``GarbageAnswer`` for descriptors that do not hold.
    """
    api = TypedApi(manifest.descriptor_set, manifest.services)
    if len(api.bindings) > MOST_BINDINGS:
        raise BrokenDocument(f"its services have more than {MOST_BINDINGS} bindings")
    said = {name: text for file in api.descriptors.files.values() for name, text in comments(file).items()}
    messages = Messages(free_name(plugin, taken), said)
    document = TypedDocument(schemas=messages.components)
    counts: dict[str, int] = {}
    for binding in api.bindings:
        method = binding.descriptor.full_name
        count = counts[method] = counts.get(method, 0) + 1
        if binding.http_method.lower() not in METHODS:
            document.left_out.append(f"{binding.http_method} {binding.text}, as OpenAPI has no such method")
            continue
        path, variables = openapi_path(binding.template)
        parameters = path_parameters(messages, binding.descriptor.input_type, variables)
        bound = [variable.field for variable in binding.template.variables]
        parameters += query_parameters(messages, binding.descriptor.input_type, bound, binding.body)
        service = binding.descriptor.containing_service.full_name
        tag = f"{plugin}: {service}"
        document.tags[tag] = said.get(service, "")
        operation = {
            **_about(binding, said),
            "tags": [tag],
            **({"parameters": parameters} if parameters else {}),
            **_request(binding, messages),
            "responses": {"200": _answer(binding, messages), **rpc_answers()},
        }
        name = method if count == 1 else f"{method}_{count}"
        document.operations.append(TypedOperation(path, binding.http_method.lower(), name, operation))
    return document


def _about(binding: Binding, said: Mapping[str, str]) -> dict[str, Any]:
    """The comment's first line, and all of it where there is more."""
    words = said.get(binding.descriptor.full_name, "")
    first, _, rest = words.partition("\n")
    about: dict[str, Any] = {"summary": first or binding.descriptor.name}
    if rest.strip():
        about["description"] = words
    if binding.descriptor.GetOptions().deprecated:
        about["deprecated"] = True
    return about


def _request(binding: Binding, messages: Messages) -> dict[str, Any]:
    input_ = binding.descriptor.input_type
    if not binding.body:
        return {}
    if binding.body == "*":
        if input_.full_name == HTTP_BODY:
            return _body(_RAW)
        schema = messages.message(input_)
        if binding.client_streaming:
            return _body(_json({"type": "array", "items": schema}), required=True)
        return _body(_json(schema))
    field_ = input_.fields_by_name[binding.body]
    single = field_.message_type is not None and not field_.is_repeated
    if _is(HTTP_BODY, field_.message_type):
        return _body(_RAW)
    return _body(_json(messages.field(field_)), required=not single)


def _body(content: Schema, *, required: bool = False) -> dict[str, Any]:
    return {"requestBody": {"content": content, **({"required": True} if required else {})}}


def _answer(binding: Binding, messages: Messages) -> dict[str, Any]:
    if binding.raw:
        return {"description": "As the service made it.", "content": dict(_RAW)}
    output = binding.descriptor.output_type
    if not binding.response_body:
        schema = messages.message(output)
    else:
        field_ = output.fields_by_name[binding.response_body]
        schema = messages.field(field_)
        if field_.message_type is not None and not field_.is_repeated:
            schema = {"anyOf": [schema, {"type": "null"}]}
    if not binding.server_streaming:
        return {"description": "The service's message.", "content": _json(schema)}
    lines, events = "One message a line.", "One message an event; an `error` event ends a stream that broke."
    return {
        "description": "The service's messages, by `Accept`; without it, lines.",
        "content": {
            "application/x-ndjson": {"schema": {"type": "string", "description": lines}},
            "text/event-stream": {"schema": {"type": "string", "description": events}},
            **_json({"type": "array", "items": schema}),
        },
    }


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _is(name: str, type_: Descriptor | None) -> bool:
    return type_ is not None and type_.full_name == name
