"""A typed service for Envoy to transcode: its descriptors, and the notes that every peer answers.

The descriptors are made here rather than compiled, so that the benchmark needs no
copy of ``google/api/annotations.proto``; Envoy knows that extension by itself.
"""

from __future__ import annotations

import json

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

SERVICE = "bench.v1.Notes"
NOTE = {
    "id": 1,
    "title": "A note",
    "text": "About a hundred bytes of text, as small answers of an API have them.",
}
BODY = json.dumps(NOTE).encode()
_HTTP_EXTENSION = 72295728


def _field(name: str, number: int, kind: int) -> descriptor_pb2.FieldDescriptorProto:
    return descriptor_pb2.FieldDescriptorProto(name=name, number=number, type=kind, label=1)  # type: ignore[arg-type]


def _http_get(path: bytes) -> bytes:
    """``option (google.api.http) = {get: path}`` as it is encoded: field 2 of the extension."""
    rule = b"\x12" + bytes((len(path),)) + path
    tag, key = _HTTP_EXTENSION << 3 | 2, bytearray()
    while tag >= 128:
        key.append(tag & 0x7F | 0x80)
        tag >>= 7
    key.append(tag)
    return bytes(key) + bytes((len(rule),)) + rule


def descriptors() -> descriptor_pb2.FileDescriptorSet:
    """The file set that Envoy is given."""
    file = descriptor_pb2.FileDescriptorProto(
        name="bench/v1/notes.proto", package="bench.v1", syntax="proto3"
    )
    file.message_type.add(name="GetNoteRequest").field.append(_field("id", 1, 5))
    note = file.message_type.add(name="Note")
    note.field.extend([_field("id", 1, 5), _field("title", 2, 9), _field("text", 3, 9)])
    method = file.service.add(name="Notes").method.add(
        name="GetNote", input_type=".bench.v1.GetNoteRequest", output_type=".bench.v1.Note"
    )
    method.options.MergeFromString(_http_get(b"/plugins/notes/api/notes/{id}"))
    return descriptor_pb2.FileDescriptorSet(file=[file])


def messages() -> tuple[type[Message], type[Message]]:
    """Classes of the request and the answer."""
    pool = descriptor_pool.DescriptorPool()
    pool.Add(descriptors().file[0])
    found = [pool.FindMessageTypeByName(f"bench.v1.{name}") for name in ("GetNoteRequest", "Note")]
    return message_factory.GetMessageClass(found[0]), message_factory.GetMessageClass(found[1])
