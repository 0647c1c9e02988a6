"""One incarnation of an instance, as the data plane calls it."""

from __future__ import annotations

import asyncio

import grpc
from grpc import aio
from plugway.plugin.v1.plugin_pb2 import HandleRequest, HandleResponse
from plugway.plugin.v1.plugin_pb2_grpc import PluginServiceAsyncStub, PluginServiceStub

from gateway.contract.channel import open_channel
from gateway.model import Endpoint, InstanceId
from gateway.proxy.failures import from_rpc_error

_closing: set[asyncio.Task[None]] = set()

UpstreamKey = tuple[InstanceId, str, str]


class Upstream:
    """Channel to one endpoint: opened at first use, closed when retired and idle."""

    __slots__ = ("_channel", "_stub", "active", "endpoint", "instance_id", "retired")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.instance_id = endpoint.instance_id
        self.active = 0
        self.retired = False
        self._channel: aio.Channel | None = None
        self._stub: PluginServiceAsyncStub | None = None

    @property
    def stub(self) -> PluginServiceAsyncStub:
        if self._stub is None:
            self._channel = open_channel(self.endpoint)
            self._stub = PluginServiceStub(self._channel)
        return self._stub

    async def handle(self, request: HandleRequest, within: float) -> HandleResponse:
        """One unary call; raises :class:`~gateway.proxy.failures.CallFailed`."""
        try:
            return await self.stub.Handle(request, timeout=within)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None

    def retire(self) -> None:
        """Take no new calls; close when the last running one has ended."""
        self.retired = True
        if not self.active:
            self._close_soon()

    def release(self) -> None:
        """One call less."""
        self.active -= 1
        if self.retired and not self.active:
            self._close_soon()

    def _close_soon(self) -> None:
        task = asyncio.create_task(self.close())
        _closing.add(task)
        task.add_done_callback(_closing.discard)

    async def close(self) -> None:
        channel, self._channel, self._stub = self._channel, None, None
        if channel is not None:
            await channel.close()


def key_of(endpoint: Endpoint) -> UpstreamKey:
    return endpoint.instance_id, endpoint.incarnation, endpoint.address
