"""The plugin behind every peer: one note, by the contract, by a typed service and by HTTP.

``python -m tests.benchmarks.plugin SOCKET HTTP_SOCKET``
"""

from __future__ import annotations

import sys
from typing import Any

import grpc
import uvicorn
import uvloop
from plugway.plugin.v1 import plugin_pb2 as pb
from plugway.plugin.v1.plugin_pb2_grpc import add_PluginServiceServicer_to_server

from tests.benchmarks.typed import BODY, NOTE, SERVICE, messages
from tests.fakes.contract_plugin import ContractPlugin, response


class NotesPlugin(ContractPlugin):
    async def Handle(self, request: pb.HandleRequest, context: Any) -> pb.HandleResponse:  # noqa: N802
        head = response(200, ("content-type", "application/json"), ("content-length", str(len(BODY))))
        return pb.HandleResponse(response=head, body=BODY)


def _typed() -> grpc.GenericRpcHandler:
    request, note = messages()
    answer = note(**NOTE)

    async def get_note(message: Any, context: Any) -> Any:
        return answer

    handler = grpc.unary_unary_rpc_method_handler(
        get_note, request_deserializer=request.FromString, response_serializer=note.SerializeToString
    )
    return grpc.method_handlers_generic_handler(SERVICE, {"GetNote": handler})


async def _http(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


async def main(socket: str, http_socket: str) -> None:
    server = grpc.aio.server()
    add_PluginServiceServicer_to_server(NotesPlugin(), server)
    server.add_generic_rpc_handlers((_typed(),))
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    config = uvicorn.Config(
        _http, uds=http_socket, http="httptools", ws="none", lifespan="off", access_log=False, log_config=None
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
