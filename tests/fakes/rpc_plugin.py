"""A plugin's service on bare gRPC whose messages are bytes: nothing describes it.

As a program: ``python -m tests.fakes.rpc_plugin unix:/path/plugin.sock``.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
from plugway.plugin.v1 import plugin_pb2_grpc

from tests.fakes.contract_plugin import ContractPlugin

SERVICE = "raw.v1.Raw"


PART = b"p" * 16_000


class RawService:
    """Counts what it sent and received; ``metadata`` is that of the last call."""

    def __init__(self) -> None:
        self.metadata: list[tuple[str, str | bytes]] = []
        self.calls: list[str] = []
        self.cancelled: list[str] = []
        self.sent = self.received = 0
        self.remaining: list[float | None] = []
        self.draining = False
        self.go_on = asyncio.Event()

    async def unary(self, request: bytes, context: Any) -> bytes:
        await self._note("Unary", context)
        context.set_trailing_metadata((("x-last", "yes"), ("x-last-bin", b"\xff\x00")))
        await context.send_initial_metadata((("x-first", "yes"), ("x-first-bin", b"\x00\x01")))
        if request == b"hang":
            await self._hang("Unary")
        if request.startswith(b"abort"):
            context.set_trailing_metadata((("x-why", "asked"), ("grpc-status-details-bin", b"\x08\x0b")))
            await context.abort(grpc.StatusCode.OUT_OF_RANGE, "said ä 100%")
        if request == b"away":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "its own words")
        return request

    async def down(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        await self._note("Down", context)
        try:
            for _ in range(int(request)):
                self.sent += len(PART)
                yield PART
            await self.go_on.wait()
            yield b"end"
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.append("Down")
            raise

    async def up(self, requests: AsyncIterator[bytes], context: Any) -> bytes:
        await self._note("Up", context)
        async for request in requests:
            self.received += len(request)
            if request == b"enough":
                await context.abort(grpc.StatusCode.ALREADY_EXISTS, "enough of it")
            if request == b"wait":
                await self.go_on.wait()
        return b"%d" % self.received

    async def both(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        await self._note("Both", context)
        await context.send_initial_metadata((("x-first", "yes"),))
        async for request in requests:
            yield request
        yield b"end"

    async def _hang(self, name: str) -> None:
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise

    async def _note(self, name: str, context: Any) -> None:
        if self.draining:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "draining", (("plugway-refused", "draining"),))
        self.calls.append(name)
        self.metadata = list(context.invocation_metadata())
        self.remaining.append(context.time_remaining())

    def handler(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
                "Down": grpc.unary_stream_rpc_method_handler(self.down),
                "Up": grpc.stream_unary_rpc_method_handler(self.up),
                "Both": grpc.stream_stream_rpc_method_handler(self.both),
            },
        )


async def serve(address: str, service: RawService) -> grpc.aio.Server:
    """A started server, the contract included; the caller stops it."""
    return (await bound(address, service, None))[0]


async def bound(
    address: str, service: RawService, credentials: grpc.ServerCredentials | None
) -> tuple[grpc.aio.Server, int]:
    """The same with TLS, and the port it took."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((service.handler(),))
    plugin_pb2_grpc.add_PluginServiceServicer_to_server(ContractPlugin(), server)
    if credentials is None:
        port = server.add_insecure_port(address)
    else:
        port = server.add_secure_port(address, credentials)
    await server.start()
    return server, port


async def _main(address: str) -> None:
    server = await serve(address, RawService())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
