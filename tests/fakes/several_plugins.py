"""One server with several plugins, each chosen by the metadata of the call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from plugway.plugin.v1 import http_pb2, manifest_pb2
from plugway.plugin.v1 import plugin_pb2 as pb
from plugway.plugin.v1 import plugin_pb2_grpc as stubs

from tests.fakes.contract_plugin import ContractPlugin, response


class SeveralPlugins(ContractPlugin):
    """``asked`` holds method and plugin of each call; the name is "" where the caller named none."""

    def __init__(self, *ids: str) -> None:
        super().__init__()
        self.ids = ids
        self.asked: set[tuple[str, str]] = set()

    async def _meant(self, method: str, context: Any) -> str:
        named = [value for name, value in context.invocation_metadata() if name == "plugway-plugin"]
        plugin = named[0] if len(named) == 1 else ""
        self.asked.add((method, plugin))
        if plugin not in self.ids:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such plugin")
        return plugin

    async def Describe(self, request: pb.DescribeRequest, context: Any) -> pb.DescribeResponse:  # noqa: N802
        plugin = await self._meant("Describe", context)
        manifest = manifest_pb2.Manifest(id=plugin, version="1.0.0", name=plugin)
        return pb.DescribeResponse(contract_version=1, supported_contract_versions=[1], manifest=manifest)

    async def Handle(self, request: pb.HandleRequest, context: Any) -> pb.HandleResponse:  # noqa: N802
        plugin = await self._meant("Handle", context)
        kind = ("content-type", "text/plain")
        if request.request.path == b"/stream":
            return pb.HandleResponse(response=response(200, kind), body=b"", continuation="more")
        return pb.HandleResponse(response=response(200, kind), body=plugin.encode())

    async def ReadBody(  # noqa: N802
        self, request: pb.ReadBodyRequest, context: Any
    ) -> AsyncIterator[pb.ReadBodyResponse]:
        yield pb.ReadBodyResponse(chunk=(await self._meant("ReadBody", context)).encode())

    async def Exchange(  # noqa: N802
        self, requests: AsyncIterator[pb.ExchangeRequest], context: Any
    ) -> AsyncIterator[pb.ExchangeResponse]:
        plugin = await self._meant("Exchange", context)
        async for frame in requests:
            if frame.body.end:
                break
        yield pb.ExchangeResponse(http_start=response(201, ("content-type", "text/plain")))
        yield pb.ExchangeResponse(body=http_pb2.BodyChunk(data=plugin.encode(), end=True))


async def serve_several(
    address: str, plugins: SeveralPlugins, credentials: grpc.ServerCredentials | None
) -> tuple[grpc.aio.Server, int]:
    """A started server with health, and its port; the caller stops it. Without credentials it has no TLS."""
    server = grpc.aio.server()
    stubs.add_PluginServiceServicer_to_server(plugins, server)
    checked = health.aio.HealthServicer()
    for id_ in plugins.ids:
        await checked.set(id_, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(checked, server)
    if credentials is None:
        port = server.add_insecure_port(address)
    else:
        port = server.add_secure_port(address, credentials)
    await server.start()
    return server, port
