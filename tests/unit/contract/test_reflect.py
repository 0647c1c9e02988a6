"""Descriptor sets from a plugin's own reflection, where its Describe brings none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc import aio
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha import reflection_pb2 as pb
from plugway.plugin.v1 import manifest_pb2, plugin_pb2, plugin_pb2_grpc

from gateway.contract.client import PluginClient
from gateway.contract.errors import GarbageAnswer
from gateway.contract.reflect import reflect
from gateway.model import Endpoint, InstanceId
from gateway.proxy.typed.api import TypedApi
from tests.fakes.contract_plugin import ContractPlugin
from tests.fakes.typed_library import BEYOND, LIBRARY, pool

Answers = Callable[[Any], pb.ServerReflectionResponse]
NAMES = (LIBRARY, BEYOND)


class Described(ContractPlugin):
    """Names its services, and says nothing of what is in them."""

    async def Describe(self, request: Any, context: Any) -> plugin_pb2.DescribeResponse:  # noqa: N802
        manifest = manifest_pb2.Manifest(id="notes", version="1.0.0", services=NAMES)
        return plugin_pb2.DescribeResponse(contract_version=1, manifest=manifest)


@cache
def honest() -> Answers:
    servicer = reflection.ReflectionServicer(NAMES, pool=pool())

    def answer(request: Any) -> pb.ServerReflectionResponse:
        (found,) = servicer.ServerReflectionInfo(iter([request]), None)
        return found

    return answer


def with_imports(request: Any) -> pb.ServerReflectionResponse:
    return honest()(request)


def one_by_one(request: Any) -> pb.ServerReflectionResponse:
    """As the servers of Go and Java do: the file itself, without what it imports."""
    found = honest()(request)
    del found.file_descriptor_response.file_descriptor_proto[1:]
    return found


def served(version: str, answer: Answers) -> grpc.GenericRpcHandler:
    async def converse(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            yield answer(request)

    handler = grpc.stream_stream_rpc_method_handler(
        converse,
        request_deserializer=pb.ServerReflectionRequest.FromString,
        response_serializer=pb.ServerReflectionResponse.SerializeToString,
    )
    name = f"grpc.reflection.{version}.ServerReflection"
    return grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler})


@pytest.fixture
async def plugin(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    servers: list[aio.Server] = []

    async def start(*handlers: grpc.GenericRpcHandler) -> Endpoint:
        server = aio.server()
        plugin_pb2_grpc.add_PluginServiceServicer_to_server(Described(), server)
        server.add_generic_rpc_handlers(handlers)
        address = f"unix:{tmp_path}/{len(servers)}.sock"
        server.add_insecure_port(address)
        await server.start()
        servers.append(server)
        return Endpoint(instance_id=InstanceId("one"), address=address)

    yield start
    for server in servers:
        await server.stop(None)


async def described(endpoint: Endpoint) -> bytes:
    client = PluginClient(endpoint)
    try:
        return (await client.describe()).manifest.descriptor_set
    finally:
        await client.close()


@pytest.mark.parametrize("answer", [with_imports, one_by_one])
@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_suffices_for_a_typed_service(
    plugin: Callable[..., Any], version: str, answer: Answers
) -> None:
    found = await described(await plugin(served(version, answer)))
    api = await asyncio.to_thread(TypedApi, found, NAMES)
    assert api.tree.find("GET", b"/v1/books/7") is not None
    assert api.methods[f"/{LIBRARY}/Chat".encode()] == (True, True)
    assert api.methods[f"/{LIBRARY}/ListBooks".encode()] == (False, True)
    files = {file.name for file in descriptor_pb2.FileDescriptorSet.FromString(found).file}
    assert {"library/v1/library.proto", "google/api/http.proto", "google/protobuf/any.proto"} <= files


async def test_without_reflection_the_services_are_not_described(plugin: Callable[..., Any]) -> None:
    assert await described(await plugin()) == b""


def _none(request: Any) -> pb.ServerReflectionResponse:
    return pb.ServerReflectionResponse(error_response=pb.ErrorResponse(error_code=5))


def _no_descriptor(request: Any) -> pb.ServerReflectionResponse:
    files = pb.FileDescriptorResponse(file_descriptor_proto=[b"\xff\xff"])
    return pb.ServerReflectionResponse(file_descriptor_response=files)


def _other(request: Any) -> pb.ServerReflectionResponse:
    files = pb.FileDescriptorResponse(
        file_descriptor_proto=[descriptor_pb2.FileDescriptorProto(name="other.proto").SerializeToString()]
    )
    return pb.ServerReflectionResponse(file_descriptor_response=files)


def _without_imports(request: Any) -> pb.ServerReflectionResponse:
    return (
        one_by_one(request)
        if request.WhichOneof("message_request") != "file_by_filename"
        else _other(request)
    )


def _endless(request: Any) -> pb.ServerReflectionResponse:
    """Each file needs another one."""
    name = request.file_by_filename or "0"
    file = descriptor_pb2.FileDescriptorProto(name=name, dependency=[str(int(name) + 1)])
    files = pb.FileDescriptorResponse(file_descriptor_proto=[file.SerializeToString()])
    return pb.ServerReflectionResponse(file_descriptor_response=files)


@pytest.mark.parametrize("answer", [_none, _no_descriptor, _other, _without_imports, _endless])
async def test_what_reflection_must_not_say(plugin: Callable[..., Any], answer: Answers) -> None:
    endpoint = await plugin(served("v1", answer))
    with pytest.raises(GarbageAnswer):
        await described(endpoint)


async def test_reflection_that_never_answers_is_given_up(plugin: Callable[..., Any]) -> None:
    async def silent(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for _ in requests:
            await asyncio.Event().wait()
            yield b""

    name = "grpc.reflection.v1.ServerReflection"
    handler: Any = grpc.stream_stream_rpc_method_handler(silent)
    endpoint = await plugin(grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler}))
    async with aio.insecure_channel(endpoint.address) as channel:
        with pytest.raises(TimeoutError):
            await reflect(channel, NAMES, 0.2)
