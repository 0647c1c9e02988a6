"""The contract's services, messages and enums, with the comments of the proto files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

from gateway.api.openapi.comments import comments
from scripts.reference.text import code, one_line, table

ROOT = Path(__file__).resolve().parents[2] / "proto"
_HEAD = """# The contract's messages

`plugway.plugin.v1`, from [`proto/plugway/plugin/v1`](../../proto/plugway/plugin/v1).
[The contract](../contract.md) says in which order they come, and what counts as misbehaviour.
"""


def messages_page() -> str:
    files = [file for file in _descriptors() if file.package.startswith("plugway.")]
    said: dict[str, str] = {}
    for file in files:
        said |= comments(file)
    parts = [_HEAD]
    for file in sorted(files, key=lambda file: not file.service):
        for service in file.service:
            parts.append(_service(f"{file.package}.{service.name}", service, said))
    for file in sorted(files, key=lambda file: not file.service):
        parts.append(f"## {file.name.rsplit('/', 1)[1]}\n")
        for message in file.message_type:
            parts.append(_message(f"{file.package}.{message.name}", message, said))
        for enum in file.enum_type:
            parts.append(_enum(f"{file.package}.{enum.name}", enum, said))
    return "\n".join(parts)


def _descriptors() -> list[FileDescriptorProto]:
    # The committed stubs carry no comments.
    from grpc_tools import protoc

    commons = str(Path(protoc.__file__).parent / "_proto")
    sources = [str(path) for path in sorted(ROOT.glob("plugway/**/*.proto"))]
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "set"
        words = [
            "protoc",
            f"-I{ROOT}",
            f"-I{commons}",
            "--include_source_info",
            f"--descriptor_set_out={out}",
        ]
        if protoc.main([*words, *sources]):
            raise RuntimeError("protoc refused the proto files")
        return list(FileDescriptorSet.FromString(out.read_bytes()).file)


def _service(name: str, service: Any, said: dict[str, str]) -> str:
    rows = []
    for method in service.method:
        asked = ("stream of " if method.client_streaming else "") + _link(method.input_type)
        answered = ("stream of " if method.server_streaming else "") + _link(method.output_type)
        rows.append((code(method.name), asked, answered, one_line(said[f"{name}.{method.name}"])))
    return f"## {name.rsplit('.', 1)[1]}\n\n{said[name]}\n\n" + table(
        ("method", "takes", "answers", "what it is for"), rows
    )


def _message(name: str, message: Any, said: dict[str, str]) -> str:
    maps = {f".{name}.{nested.name}": nested for nested in message.nested_type if nested.options.map_entry}
    rows = []
    for field in message.field:
        words = one_line(said[f"{name}.{field.name}"])
        if field.HasField("oneof_index") and not field.proto3_optional:
            words += f" One of `{message.oneof_decl[field.oneof_index].name}`."
        rows.append((str(field.number), code(field.name), _kind(field, maps), words))
    head = f"### {name.rsplit('.', 1)[1]}\n\n{said[name]}\n"
    return head + ("\n" + table(("number", "field", "type", "meaning"), rows) if rows else "")


def _enum(name: str, enum: Any, said: dict[str, str]) -> str:
    rows = [
        (str(value.number), code(value.name), one_line(said[f"{name}.{value.name}"])) for value in enum.value
    ]
    return f"### {name.rsplit('.', 1)[1]}\n\n{said[name]}\n\n" + table(("number", "value", "meaning"), rows)


def _kind(field: Any, maps: dict[str, Any]) -> str:
    if field.type_name in maps:
        key, value = maps[field.type_name].field
        return f"map of {_kind(key, {})} to {_kind(value, {})}"
    plain = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    kind = _link(field.type_name) if field.type_name else plain
    return f"repeated {kind}" if field.label == FieldDescriptorProto.LABEL_REPEATED else kind


def _link(type_name: str) -> str:
    short = type_name.rsplit(".", 1)[1]
    return f"[{short}](#{short.lower()})" if type_name.startswith(".plugway.") else code(type_name[1:])
