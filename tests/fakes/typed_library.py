"""A plugin's typed service on bare gRPC, answering most calls with what it was asked.

Its messages are compiled from ``typed/library/v1/library.proto`` when first needed.
"""

from __future__ import annotations

import asyncio
import importlib.resources
import tempfile
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import grpc
from google.api import http_pb2
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, duration_pb2, message_factory
from google.rpc import error_details_pb2, status_pb2
from plugway.plugin.v1 import plugin_pb2, plugin_pb2_grpc

from tests.fakes.contract_plugin import ContractPlugin, response

PROTOS = Path(__file__).parent / "typed"
LIBRARY, BEYOND = "library.v1.Library", "library.v1.Beyond"


@cache
def descriptor_set() -> bytes:
    """The serialized ``FileDescriptorSet`` with all imports."""
    from grpc_tools import protoc

    tools = importlib.resources.files("grpc_tools") / "_proto"
    commons = Path(http_pb2.__file__).parents[2]
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "set"
        status = protoc.main(
            [
                *("", f"-I{PROTOS}", f"-I{commons}", f"-I{tools}", "--include_imports"),
                *(f"--descriptor_set_out={out}", "library/v1/library.proto"),
            ]
        )
        assert status == 0
        return out.read_bytes()


@cache
def pool() -> descriptor_pool.DescriptorPool:
    made = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(descriptor_set()).file:
        made.Add(file)
    return made


def message(name: str) -> Any:
    """The class of a message of the library's package, or of another's by its full name."""
    full = name if "." in name else f"library.v1.{name}"
    return message_factory.GetMessageClass(pool().FindMessageTypeByName(full))


class Library:
    """The service. ``metadata`` is that of the last call; ``calls`` counts them, by method."""

    def __init__(self) -> None:
        self.metadata: dict[str, str | bytes] = {}
        self.calls: list[str] = []
        self.cancelled: list[str] = []
        self.deadline: float | None = None
        self.draining = False
        self.go_on = asyncio.Event()

    async def unary(self, name: str, request: Any, context: Any) -> Any:
        self._note(name, context)
        if self.draining:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "draining", (("plugway-refused", "draining"),))
        await context.send_initial_metadata((("x-made-by", "library"), ("set-cookie", "a=b")))
        context.set_trailing_metadata((("x-checked", "yes"), ("x-raw-bin", b"\x00\xff")))
        if name == "Fail":
            await _fail(request, context)
        if name == "DeleteBook":
            return message("google.protobuf.Empty")()
        if name == "GetCover":
            return message("Cover")(name=request.name, file={"content_type": "text/plain", "data": b"cover"})
        if name == "Download":
            return message("google.api.HttpBody")(
                content_type="text/x-own", data=b"raw " + request.title.encode()
            )
        if getattr(request, "title", "") == "hang":
            try:
                await self.go_on.wait()
            except asyncio.CancelledError:
                self.cancelled.append(name)
                raise
        return request

    async def stream(self, name: str, request: Any, context: Any) -> AsyncIterator[Any]:
        self._note(name, context)
        await context.send_initial_metadata((("x-made-by", "library"),))
        if request.title == "refuse":
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such list")
        try:
            for index in range(request.number):
                if name == "DownloadParts":
                    yield message("google.api.HttpBody")(content_type="text/plain", data=b"part%d;" % index)
                else:
                    yield message("Book")(id=str(index), title=f"t{index}")
            if request.title == "hang":
                await self.go_on.wait()
            if request.title == "break":
                await context.abort(grpc.StatusCode.DATA_LOSS, "the shelf fell")
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.append(name)
            raise

    async def sum(self, name: str, requests: AsyncIterator[Any], context: Any) -> Any:
        self._note(name, context)
        total, ids = 0, []
        async for request in requests:
            total += request.number
            ids.append(request.id)
        return message("Book")(number=total, tags=ids)

    async def chat(self, name: str, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        self._note(name, context)
        async for request in requests:
            yield request

    def _note(self, name: str, context: Any) -> None:
        self.calls.append(name)
        self.metadata = dict(context.invocation_metadata())
        self.deadline = context.time_remaining()

    def add_to(self, server: grpc.aio.Server) -> None:
        for service in (LIBRARY, BEYOND):
            described = pool().FindServiceByName(service)
            handlers = {method.name: self._handler(method) for method in described.methods}
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))

    def _handler(self, method: Any) -> Any:
        makes = {
            (False, False): (grpc.unary_unary_rpc_method_handler, self.unary),
            (False, True): (grpc.unary_stream_rpc_method_handler, self.stream),
            (True, False): (grpc.stream_unary_rpc_method_handler, self.sum),
            (True, True): (grpc.stream_stream_rpc_method_handler, self.chat),
        }
        make, act = makes[method.client_streaming, method.server_streaming]
        if method.server_streaming:

            async def answers(request: Any, context: Any) -> AsyncIterator[Any]:
                async for answer in act(method.name, request, context):  # type: ignore[attr-defined]
                    yield answer

            behaviour: Any = answers
        else:

            async def answer(request: Any, context: Any) -> Any:
                return await act(method.name, request, context)  # type: ignore[misc]

            behaviour = answer
        return make(
            behaviour,
            request_deserializer=message(method.input_type.full_name).FromString,
            response_serializer=lambda made: made.SerializeToString(),
        )


async def _fail(request: Any, context: Any) -> None:
    status = status_pb2.Status(code=request.code, message=request.message)
    if request.detailed:
        for detail in (
            error_details_pb2.BadRequest(field_violations=[{"field": "book.title", "description": "long"}]),
            error_details_pb2.ErrorInfo(reason="TITLE_TOO_LONG", domain="library"),
            error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=request.after)),
            message("Nested")(text="of the plugin's own types"),
        ):
            packed = any_pb2.Any()
            packed.type_url = f"type.googleapis.com/{detail.DESCRIPTOR.full_name}"
            packed.value = detail.SerializeToString()
            status.details.append(packed)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    code = next(code for code in grpc.StatusCode if code.value[0] == request.code)
    await context.abort(code, request.message)


class Unbound(ContractPlugin):
    """The plugin's HTTP routes: none."""

    async def Handle(self, request: plugin_pb2.HandleRequest, context: Any) -> plugin_pb2.HandleResponse:  # noqa: N802
        return plugin_pb2.HandleResponse(response=response(404, ("x-unbound", "yes")))


async def serve(address: str, library: Library) -> grpc.aio.Server:
    """A started server; the caller stops it."""
    server = grpc.aio.server()
    library.add_to(server)
    plugin_pb2_grpc.add_PluginServiceServicer_to_server(Unbound(), server)
    server.add_insecure_port(address)
    await server.start()
    return server
