"""One incarnation of an instance, as the data plane calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError
from grpc import aio
from plugway.plugin.v1.plugin_pb2 import HandleRequest, HandleResponse, ReadBodyRequest
from plugway.plugin.v1.plugin_pb2_grpc import PluginServiceStub

from gateway.contract.channel import is_stale, open_channel, surplus
from gateway.model import Endpoint, InstanceId
from gateway.proxy.failures import CallFailed, Failure, from_rpc_error
from gateway.proxy.limits.circuit import Circuit
from gateway.proxy.wire.bodies import BodyStream
from gateway.proxy.wire.connection import Connection, Whole
from gateway.proxy.wire.dial import dial
from gateway.proxy.wire.exchanges import ExchangeStream
from gateway.proxy.wire.streams import Streams

if TYPE_CHECKING:
    from plugway.plugin.v1.plugin_pb2_grpc import PluginServiceAsyncStub

    from gateway.proxy.wire.duplex import Duplex

_closing: set[asyncio.Task[None]] = set()

_MOST_METADATA = 12_000
"""Bytes of header fields, in addition to the common ones, that surely fit into one frame."""

UpstreamKey = tuple[InstanceId, str, str]


class Upstream:
    """Connections to one endpoint: opened at first use, closed when retired and idle."""

    __slots__ = (
        "_channel", "_dialling", "_duplex", "_fast", "_opening", "_stale", "_streams", "_stub", "active",
        "circuit", "endpoint", "instance_id", "retired",
    )  # fmt: skip

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.instance_id = endpoint.instance_id
        self.active = 0
        self.retired = False
        # None as long as its calls go well, so that it costs them nothing.
        self.circuit: Circuit | None = None
        self._channel: aio.Channel | None = None
        self._stub: PluginServiceAsyncStub | None = None
        self._stale: list[aio.Channel] = []
        self._fast: Connection | None = None
        self._dialling: asyncio.Task[Connection] | None = None
        self._duplex: Duplex | None = None
        self._opening: asyncio.Task[Duplex] | None = None
        self._streams: Streams | None = None

    @property
    def channel(self) -> aio.Channel:
        """For what is not the contract's and streams."""
        _ = self.stub  # opens it
        assert self._channel is not None
        return self._channel

    @property
    def stub(self) -> PluginServiceAsyncStub:
        """For what is too long for one frame."""
        if self._channel is None or self._stub is None or is_stale(self._channel, self.endpoint):
            if self._channel is not None:
                self._stale.append(self._channel)
                for channel in surplus(self._stale):
                    _soon(channel.close())
            self._channel = open_channel(self.endpoint)
            self._stub = PluginServiceStub(self._channel)
        return self._stub

    async def handle(self, request: HandleRequest, within: float) -> HandleResponse:
        """One unary call; raises :class:`CallFailed`."""
        fast = self._fast
        if fast is None or not fast.usable:
            fast = await self._connect()
        message = request.SerializeToString()
        if not fast.fits(len(message)):
            return await self._handle_long(request, within)
        answer = await fast.call(message, within)
        try:
            return HandleResponse.FromString(answer)
        except DecodeError:
            raise CallFailed(Failure.GARBAGE, "answered with something else than the contract says") from None

    async def ask(self, path: bytes, metadata: bytes, message: bytes, within: float) -> Whole | None:
        """One unary call of any method; None where it does not fit into one frame.

        Raises :class:`CallFailed`, but not for a status that is the plugin's own.
        """
        fast = self._fast
        if fast is None or not fast.usable:
            fast = await self._connect()
        if not fast.fits(len(message)) or len(metadata) > _MOST_METADATA:
            return None
        return await fast.ask(path, metadata, message, within)

    async def _handle_long(self, request: HandleRequest, within: float) -> HandleResponse:
        try:
            return await self.stub.Handle(request, timeout=within)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None

    async def _connect(self) -> Connection:
        """One attempt for all calls that wait. There is no back-off: a refusal costs nothing,
        and the first call after the plugin's return must get through.
        """
        if self._dialling is None or self._dialling.done():
            self._dialling = asyncio.create_task(dial(self.endpoint))
        # Shielded, as a client that leaves must not end the attempt of the others.
        self._fast = await asyncio.shield(self._dialling)
        return self._fast

    async def read_body(self, request: ReadBodyRequest, within: float = 0.0) -> BodyStream:
        """The rest of an answer, on connections apart from those of the other calls.

        ``within`` is the plugin's time for all of it, 0 where it has no end. Raises :class:`CallFailed`.
        """
        return await self._all_streams().begin(request.SerializeToString(), within)

    async def exchange(self) -> ExchangeStream:
        """An upload or a WebSocket, on the connections of :meth:`read_body`; raises :class:`CallFailed`."""
        return await self._all_streams().open()

    def _all_streams(self) -> Streams:
        if self._streams is None:
            self._streams = Streams(self.endpoint)
        return self._streams

    async def duplex(self) -> Duplex:
        """For gRPC that is passed on as it is; raises :class:`CallFailed`."""
        if self._duplex is not None and self._duplex.usable:
            return self._duplex
        if self._opening is None or self._opening.done():
            # Imported by who comes first, as for clients that speak HTTP/2.
            from gateway.proxy.wire.duplex import dial_duplex

            self._opening = asyncio.create_task(dial_duplex(self.endpoint))
        self._duplex = await asyncio.shield(self._opening)
        return self._duplex

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
        _soon(self.close())

    async def close(self) -> None:
        if self._fast is not None:
            self._fast.close()
        if self._duplex is not None:
            self._duplex.close()
        self._duplex = None
        if self._streams is not None:
            self._streams.close()
        self._streams = None
        channel, self._channel, self._stub, self._fast = self._channel, None, None, None
        stale, self._stale = self._stale, []
        for one in (*stale, channel):
            if one is not None:
                await one.close()


def _soon(closing: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(closing)
    _closing.add(task)
    task.add_done_callback(_closing.discard)


def key_of(endpoint: Endpoint) -> UpstreamKey:
    return endpoint.instance_id, endpoint.incarnation, endpoint.address
