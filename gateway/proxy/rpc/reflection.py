"""Server reflection over the services of all plugins, each from its own descriptors.

Two plugins may have different files of one name: within a conversation the plugin that was spoken of last
is asked first, and ``plugway-plugin`` names one for all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, text_format
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2 as pb

from gateway.errors import PlugwayError
from gateway.proxy.prepared import PreparedRoute
from gateway.proxy.rpc.status import INVALID_ARGUMENT, NOT_FOUND

_OWN = (
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
)


class Reflection:
    """One conversation. ``services`` maps those that the caller may see to their plugins."""

    def __init__(self, services: Mapping[str, PreparedRoute]) -> None:
        self._services = services
        self._last: DescriptorPool | None = None

    async def answer(self, data: bytes) -> bytes:
        """Raises ``DecodeError``. Both versions of the service have the same messages."""
        request = pb.ServerReflectionRequest.FromString(data)
        response = pb.ServerReflectionResponse(valid_host=request.host, original_request=request)
        kind = request.WhichOneof("message_request")
        if kind == "list_services":
            for name in sorted((*self._services, *_OWN)):
                response.list_services_response.service.add(name=name)
            return bytes(response.SerializeToString())
        try:
            if kind == "file_by_filename":
                await self._file(response, lambda pool: pool.FindFileByName(request.file_by_filename))
            elif kind == "file_containing_symbol":
                symbol = request.file_containing_symbol
                await self._file(response, lambda pool: _containing(pool, symbol), symbol)
            elif kind == "file_containing_extension":
                asked = request.file_containing_extension
                await self._file(
                    response, lambda pool: _extension(pool, asked.containing_type, asked.extension_number)
                )
            elif kind == "all_extension_numbers_of_type":
                await self._extensions(response, request.all_extension_numbers_of_type)
            else:
                _error(response, INVALID_ARGUMENT, "The request asks for nothing.")
        except KeyError:
            _error(response, NOT_FOUND, "There is none of that name here.")
        return bytes(response.SerializeToString())

    async def _file(self, response: Any, find: Any, symbol: str = "") -> None:
        """Raises ``KeyError``."""
        async for pool in self._pools(symbol):
            try:
                file = find(pool)
            except KeyError:
                continue
            self._last = pool
            found = response.file_descriptor_response.file_descriptor_proto
            found.extend(one.serialized_pb for one in _with_imports(file, set()))
            return
        raise KeyError

    async def _extensions(self, response: Any, type_: str) -> None:
        async for pool in self._pools(type_):
            try:
                message = pool.FindMessageTypeByName(type_)
            except KeyError:
                continue
            numbers = sorted(one.number for one in pool.FindAllExtensions(message))
            found = response.all_extension_numbers_response
            found.base_type_name = type_
            found.extension_number.extend(numbers)
            return
        raise KeyError

    async def _pools(self, symbol: str) -> Any:
        """Where to look: at the service's own plugin, at the last one, at all."""
        seen = []
        for name in (symbol, symbol.rpartition(".")[0]):
            if name in self._services and (pool := await _pool(self._services[name])) is not None:
                seen.append(pool)
                yield pool
        if self._last is not None:
            yield self._last
        yield _own_pool()
        for route in dict.fromkeys(self._services.values()):
            pool = await _pool(route)
            if pool is not None and pool not in seen:
                yield pool


async def _pool(route: PreparedRoute) -> DescriptorPool | None:
    """Of the release with most of the traffic; None where its descriptors are not known."""
    typed = [target for target in route.targets if target.typed is not None]
    for target in sorted(typed, key=lambda target: -target.weight):
        assert target.typed is not None
        try:
            return (target.typed.api or await target.typed.load()).descriptors.pool
        except PlugwayError:
            continue
    return None


def _with_imports(file: FileDescriptor, seen: set[str]) -> Iterator[FileDescriptor]:
    if file.name not in seen:
        seen.add(file.name)
        yield file
        for one in file.dependencies:
            yield from _with_imports(one, seen)


def _containing(pool: DescriptorPool, symbol: str) -> FileDescriptor:
    """Also for methods and fields, which the pool does not know by their full names."""
    try:
        return pool.FindFileContainingSymbol(symbol)
    except KeyError:
        parent, _, leaf = symbol.rpartition(".")
        found = pool.FindFileContainingSymbol(parent)
        within: Any = found.services_by_name.get(parent.rpartition(".")[2])
        known = within.methods_by_name if within else pool.FindMessageTypeByName(parent).fields_by_name
        if leaf not in known:
            raise
        return found


def _extension(pool: DescriptorPool, type_: str, number: int) -> FileDescriptor:
    found: Any = pool.FindExtensionByNumber(pool.FindMessageTypeByName(type_), number)
    file: FileDescriptor = found.file
    return file


def _error(response: Any, code: int, words: str) -> None:
    response.error_response.error_code = code
    response.error_response.error_message = words


@cache
def _own_pool() -> DescriptorPool:
    """Health, and reflection under both of its names, of which the library has one."""
    made = DescriptorPool()
    old = descriptor_pb2.FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(old)
    new = text_format.Parse(
        text_format.MessageToString(old).replace("v1alpha", "v1"), descriptor_pb2.FileDescriptorProto()
    )
    health = descriptor_pb2.FileDescriptorProto()
    health_pb2.DESCRIPTOR.CopyToProto(health)
    for file in (old, new, health):
        made.Add(file)
    return made
