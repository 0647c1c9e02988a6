"""The descriptors of a plugin's services from its own reflection, where Describe did not bring them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from grpc import aio

from gateway.contract.descriptors import pack
from gateway.contract.errors import GarbageAnswer

_METHODS = tuple(
    f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo" for version in ("v1", "v1alpha")
)
_MOST_FILES = 1000


async def reflect(channel: aio.Channel, services: Sequence[str], within: float) -> bytes:
    """A descriptor set with all that the services need; empty where there is no reflection.

    Raises :class:`GarbageAnswer`, ``AioRpcError``, and ``TimeoutError`` after ``within`` seconds.
    """
    # The messages of both versions are the same; only few plugins need them at all.
    from grpc_reflection.v1alpha import reflection_pb2 as pb

    for method in _METHODS:
        open_: Any = channel.stream_stream(
            method,
            request_serializer=pb.ServerReflectionRequest.SerializeToString,
            response_deserializer=pb.ServerReflectionResponse.FromString,
        )
        call = open_()
        try:
            async with asyncio.timeout(within):
                return pack(await _collect(call, services, pb.ServerReflectionRequest))
        except aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise
        finally:
            call.cancel()
    return b""


async def _collect(call: Any, services: Sequence[str], request: Any) -> list[FileDescriptorProto]:
    files: dict[str, FileDescriptorProto] = {}
    for name in services:
        await _ask(call, request(file_containing_symbol=name), files)
    while missing := _missing(files):
        if len(files) > _MOST_FILES:
            raise GarbageAnswer(f"Its services need more than {_MOST_FILES} files of descriptors.")
        await _ask(call, request(file_by_filename=missing), files)
        if missing not in files:
            raise GarbageAnswer(f"Its reflection does not know its own file {missing!r:.200}.")
    return list(files.values())


def _missing(files: dict[str, FileDescriptorProto]) -> str:
    for file in files.values():
        for name in file.dependency:
            if name not in files:
                return name
    return ""


async def _ask(call: Any, request: Any, files: dict[str, FileDescriptorProto]) -> None:
    await call.write(request)
    answer = await call.read()
    if answer is aio.EOF or not answer.HasField("file_descriptor_response"):
        raise GarbageAnswer("Its reflection does not describe the services that it exports.")
    try:
        for data in answer.file_descriptor_response.file_descriptor_proto:
            file = FileDescriptorProto.FromString(data)
            files[file.name] = file
    except DecodeError:
        raise GarbageAnswer("Its reflection answers something else than descriptors.") from None
