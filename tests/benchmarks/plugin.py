"""The plugin behind every peer, three times the same: by the contract, as a typed service, and by HTTP.

``python -m tests.benchmarks.plugin SOCKET HTTP_SOCKET``
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import uvicorn
import uvloop
from google.api.httpbody_pb2 import HttpBody
from plugway.plugin.v1 import http_pb2 as http
from plugway.plugin.v1 import plugin_pb2 as pb
from plugway.plugin.v1.plugin_pb2_grpc import add_PluginServiceServicer_to_server
from plugway_sdk.timing import Timing

from tests.benchmarks.cases import PART
from tests.benchmarks.plugin_http import EVENT, EVENTS, JSON, OCTETS, app, blob, number_of
from tests.benchmarks.typed import BODY, NOTE, SERVICE, messages
from tests.fakes.contract_plugin import ContractPlugin, response

MESSAGE = Timing().window
"""Bytes of one message of a streamed body: what the SDK makes of the parts that an application sends."""


class NotesPlugin(ContractPlugin):
    """By the contract. What is longer than 1 MiB is streamed, as by the SDK."""

    async def Handle(self, request: pb.HandleRequest, context: Any) -> pb.HandleResponse:  # noqa: N802
        path = request.request.path.decode()
        if path.startswith("/stream/"):
            head = response(200, ("content-type", OCTETS), ("content-length", str(number_of(path))))
            return pb.HandleResponse(response=head, continuation=path)
        if path == "/events":
            head = response(200, ("content-type", EVENTS))
            return pb.HandleResponse(response=head, body=EVENT, continuation=path)
        kind, body = (OCTETS, blob(number_of(path))) if path.startswith("/blob/") else (JSON, BODY)
        head = response(200, ("content-type", kind), ("content-length", str(len(body))))
        return pb.HandleResponse(response=head, body=body)

    async def ReadBody(  # noqa: N802
        self, request: pb.ReadBodyRequest, context: Any
    ) -> AsyncIterator[pb.ReadBodyResponse]:
        if request.discard:
            return
        if request.continuation == "/events":
            await asyncio.Event().wait()
        part = pb.ReadBodyResponse(chunk=bytes(MESSAGE))
        for _ in range(number_of(request.continuation) // MESSAGE):
            yield part

    async def Exchange(  # noqa: N802
        self, requests: AsyncIterator[pb.ExchangeRequest], context: Any
    ) -> AsyncIterator[pb.ExchangeResponse]:
        first = await anext(requests)
        if first.HasField("websocket_start"):
            yield pb.ExchangeResponse(websocket_accept=http.WebSocketAccept())
            async for frame in requests:
                if frame.HasField("websocket_close"):
                    return
                yield pb.ExchangeResponse(websocket_message=frame.websocket_message)
            return
        taken = 0
        async for frame in requests:
            taken += len(frame.body.data)
            if frame.body.end:
                break
        yield pb.ExchangeResponse(http_start=response(200, ("content-type", OCTETS)))
        yield pb.ExchangeResponse(body=http.BodyChunk(data=str(taken).encode(), end=True))


def _typed() -> grpc.GenericRpcHandler:
    classes = messages()
    answer = classes["Note"](**NOTE)
    note, size = classes["NoteRequest"].FromString, classes["BytesRequest"].FromString

    async def get_note(message: Any, context: Any) -> Any:
        return answer

    async def get_blob(message: Any, context: Any) -> HttpBody:
        return HttpBody(content_type=OCTETS, data=blob(message.size))

    async def get_stream(message: Any, context: Any) -> AsyncIterator[HttpBody]:
        part = HttpBody(content_type=OCTETS, data=bytes(PART))
        for _ in range(message.size // PART):
            yield part

    async def get_events(message: Any, context: Any) -> AsyncIterator[HttpBody]:
        yield HttpBody(content_type=EVENTS, data=EVENT)
        await asyncio.Event().wait()

    async def upload(requests: AsyncIterator[HttpBody], context: Any) -> HttpBody:
        taken = 0
        async for part in requests:
            taken += len(part.data)
        return HttpBody(content_type=OCTETS, data=str(taken).encode())

    body = HttpBody.SerializeToString
    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "GetNote": grpc.unary_unary_rpc_method_handler(get_note, note, classes["Note"].SerializeToString),
            "GetBlob": grpc.unary_unary_rpc_method_handler(get_blob, size, body),
            "GetStream": grpc.unary_stream_rpc_method_handler(get_stream, size, body),
            "GetEvents": grpc.unary_stream_rpc_method_handler(get_events, size, body),
            "Upload": grpc.stream_unary_rpc_method_handler(upload, HttpBody.FromString, body),
        },
    )


async def main(socket: str, http_socket: str) -> None:
    most = 16 * 2**20
    server = grpc.aio.server(
        options=[("grpc.max_receive_message_length", most), ("grpc.max_send_message_length", most)]
    )
    add_PluginServiceServicer_to_server(NotesPlugin(), server)
    server.add_generic_rpc_handlers((_typed(),))
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    config = uvicorn.Config(
        app, uds=http_socket, http="httptools", ws="websockets-sansio", ws_per_message_deflate=False,
        lifespan="off", access_log=False, log_config=None,
    )  # fmt: skip
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
