"""The floor: the plugin called directly, by gRPC's own client and by the gateway's connection.

``... direct SOCKET CALLS (grpc|wire)`` prints the CPU seconds of the calls.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

import grpc
import uvloop
from plugway.plugin.v1.http_pb2 import HttpRequest
from plugway.plugin.v1.plugin_pb2 import HandleRequest
from plugway.plugin.v1.plugin_pb2_grpc import PluginServiceStub

from gateway.proxy.upstream import Upstream
from tests.fakes.data_plane import endpoint

_REQUEST = HandleRequest(request=HttpRequest(method="GET", path=b"/notes/1"))


async def main(socket: str, calls: str, way: str) -> None:
    channel = grpc.aio.insecure_channel(f"unix:{socket}")
    stub, upstream = PluginServiceStub(channel), Upstream(endpoint(f"unix:{socket}"))

    async def by_grpc() -> object:
        return await stub.Handle(_REQUEST, timeout=60)

    async def by_wire() -> object:
        return await upstream.handle(_REQUEST, 60.0)

    call: Callable[[], Awaitable[object]] = by_grpc if way == "grpc" else by_wire

    async def many(number: int) -> None:
        for _ in range(number):
            await call()

    await asyncio.gather(*(many(20) for _ in range(16)))
    before = time.process_time()
    await asyncio.gather(*(many(int(calls) // 16) for _ in range(16)))
    sys.stdout.write(f"{time.process_time() - before}\n")
    await channel.close()
    await upstream.close()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
