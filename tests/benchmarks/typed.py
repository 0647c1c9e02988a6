"""The notes as a typed service, for Envoy and the gateway to transcode: its descriptors and messages.

Written down here rather than compiled, as the paths under which Envoy has them differ from the plugin's.
"""

from __future__ import annotations

import json

from google.api import annotations_pb2, httpbody_pb2
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message

SERVICE = "bench.v1.Notes"
NOTE = {
    "id": 1,
    "title": "A note",
    "text": "About a hundred bytes of text, as small answers of an API have them.",
}
# As protobuf's JSON has it, so that all peers answer the same bytes.
BODY = json.dumps(NOTE, separators=(",", ":")).encode()
_HTTP_BODY = ".google.api.HttpBody"


def _field(name: str, number: int, kind: int) -> descriptor_pb2.FieldDescriptorProto:
    return descriptor_pb2.FieldDescriptorProto(name=name, number=number, type=kind, label=1)  # type: ignore[arg-type]


def _bind(method: descriptor_pb2.MethodDescriptorProto, path: str, *, upload: bool = False) -> None:
    rule = method.options.Extensions[annotations_pb2.http]
    if upload:
        rule.post, rule.body = path, "*"
    else:
        rule.get = path


def descriptors(prefix: str = "") -> descriptor_pb2.FileDescriptorSet:
    """The file set with all imports; paths begin with ``prefix``."""
    file = descriptor_pb2.FileDescriptorProto(
        name="bench/v1/notes.proto",
        package="bench.v1",
        syntax="proto3",
        dependency=["google/api/httpbody.proto"],
    )
    file.message_type.add(name="NoteRequest").field.append(_field("id", 1, 5))
    file.message_type.add(name="BytesRequest").field.append(_field("size", 1, 5))
    note = file.message_type.add(name="Note")
    note.field.extend([_field("id", 1, 5), _field("title", 2, 9), _field("text", 3, 9)])
    methods = file.service.add(name="Notes").method
    get = methods.add(name="GetNote", input_type=".bench.v1.NoteRequest", output_type=".bench.v1.Note")
    _bind(get, f"{prefix}/notes/{{id}}")
    blob = methods.add(name="GetBlob", input_type=".bench.v1.BytesRequest", output_type=_HTTP_BODY)
    _bind(blob, f"{prefix}/blob/{{size}}")
    for name, path in (("GetStream", "/stream/{size}"), ("GetEvents", "/events")):
        stream = methods.add(
            name=name, input_type=".bench.v1.BytesRequest", output_type=_HTTP_BODY, server_streaming=True
        )
        _bind(stream, prefix + path)
    put = methods.add(name="Upload", input_type=_HTTP_BODY, output_type=_HTTP_BODY, client_streaming=True)
    _bind(put, f"{prefix}/upload", upload=True)
    imports = [_own(any_pb2.DESCRIPTOR), _own(httpbody_pb2.DESCRIPTOR)]
    return descriptor_pb2.FileDescriptorSet(file=[*imports, file])


def _own(file: FileDescriptor) -> descriptor_pb2.FileDescriptorProto:
    made = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(made)
    return made


def messages() -> dict[str, type[Message]]:
    """The classes of the package's own messages, by name."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptors().file:
        pool.Add(file)
    names = ("NoteRequest", "BytesRequest", "Note")
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"bench.v1.{name}"))
        for name in names
    }
