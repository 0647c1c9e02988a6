"""A plugin on the bare stubs, without the SDK: what it answers is what a test asks of it by path.

As a program: ``python -m tests.fakes.contract_plugin unix:/path/plugin.sock``.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import sys
from collections.abc import AsyncIterator
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import grpc
from plugway.plugin.v1 import http_pb2 as http
from plugway.plugin.v1 import plugin_pb2 as pb
from plugway.plugin.v1 import plugin_pb2_grpc as stubs


def header(name: str, value: str) -> http.HttpHeader:
    return http.HttpHeader(name=name.encode(), value=value.encode("latin-1"))


def response(status: int = 200, *headers: tuple[str, str]) -> http.HttpResponse:
    return http.HttpResponse(status=status, headers=[header(*pair) for pair in headers])


class ContractPlugin(stubs.PluginServiceServicer):
    """Answers by path. ``calls`` and ``cancelled`` tell what reached it and what was broken off."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.cancelled: list[str] = []
        self.tokens: list[str] = []
        self.received = 0
        self.running = 0
        self.go_on = asyncio.Event()
        self.draining = False
        self.refuses_after = 0
        self.uploaded = hashlib.sha256()
        self.reading = 0
        self.sent = 0
        self.custom: pb.HandleResponse | None = None
        self.deadlines: list[float] = []
        self._open: dict[str, str] = {}
        self._numbers = itertools.count()

    # The rest of the contract, as little of it as the stubs demand

    async def Describe(self, request: pb.DescribeRequest, context: Any) -> pb.DescribeResponse:  # noqa: N802
        return pb.DescribeResponse(contract_version=1)

    async def Configure(  # noqa: N802
        self, request: pb.ConfigureRequest, context: Any
    ) -> pb.ConfigureResponse:
        return pb.ConfigureResponse(accepted=True)

    async def GetUi(  # noqa: N802
        self, request: pb.GetUiRequest, context: Any
    ) -> AsyncIterator[pb.GetUiResponse]:
        self.calls.append("GetUi")
        yield pb.GetUiResponse()

    async def Drain(self, request: pb.DrainRequest, context: Any) -> pb.DrainResponse:  # noqa: N802
        return pb.DrainResponse()

    async def CollectMetrics(  # noqa: N802
        self, request: pb.CollectMetricsRequest, context: Any
    ) -> pb.CollectMetricsResponse:
        return pb.CollectMetricsResponse()

    # Unary

    async def Handle(self, request: pb.HandleRequest, context: Any) -> pb.HandleResponse:  # noqa: N802
        path = request.request.path.decode()
        self.calls.append(path)
        self.tokens.append(request.request.context.token)
        self.deadlines.append(context.time_remaining() or 0.0)
        self.running += 1
        try:
            return await self._handle(path, request, context)
        except asyncio.CancelledError:
            self.cancelled.append(path)
            raise
        finally:
            self.running -= 1

    async def _handle(self, path: str, request: pb.HandleRequest, context: Any) -> pb.HandleResponse:
        kind, _, rest = path.strip("/").partition("/")
        if self.draining:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "draining", (("plugway-refused", "draining"),))
        if kind == "custom" and self.custom is not None:
            return self.custom
        if kind == "status":
            return pb.HandleResponse(response=response(int(rest)), body=b"status")
        if kind == "hang":
            await self.go_on.wait()
        if kind == "fail":
            await context.abort(grpc.StatusCode.INTERNAL, "secret words of the plugin")
        if kind == "bytes":
            return pb.HandleResponse(response=response(), body=b"x" * int(rest))
        if kind in ("events", "endless", "stream", "cut"):
            token = f"{kind}-{next(self._numbers)}"
            self._open[token] = rest
            type_ = "text/event-stream" if kind == "events" else "application/octet-stream"
            return pb.HandleResponse(
                response=response(200, ("content-type", type_)), body=b"first;", continuation=token
            )
        return pb.HandleResponse(
            response=response(200, ("content-type", "application/json")), body=echo(request)
        )

    async def ReadBody(  # noqa: N802
        self, request: pb.ReadBodyRequest, context: Any
    ) -> AsyncIterator[pb.ReadBodyResponse]:
        kind = request.continuation.partition("-")[0]
        rest = self._open.pop(request.continuation, None)
        if request.discard:
            if rest is not None:
                self.cancelled.append(kind)
            return
        assert rest is not None
        self.reading += 1
        try:
            if kind == "events":
                await self.go_on.wait()
                yield pb.ReadBodyResponse(chunk=b"second;")
            elif kind == "cut":
                yield pb.ReadBodyResponse(chunk=b"second;")
                await context.abort(grpc.StatusCode.INTERNAL, "broken")
            else:
                left = int(rest) if rest else sys.maxsize
                while left > 0:
                    part = min(left, 65536)
                    yield pb.ReadBodyResponse(chunk=b"z" * part)
                    self.sent += part
                    left -= part
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.append(kind)
            raise

    # Frames in both directions

    async def Exchange(  # noqa: N802
        self, requests: AsyncIterator[pb.ExchangeRequest], context: Any
    ) -> AsyncIterator[pb.ExchangeResponse]:
        try:
            first = await anext(requests)
            self.tokens.append(first.http_start.context.token)
            if self.draining:
                await self._refuse(requests, context)
            if first.HasField("websocket_start"):
                async for answer in self._websocket(first.websocket_start, requests):
                    yield answer
                return
            async for answer in self._upload(first.http_start, requests):
                yield answer
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.append("exchange")
            raise

    async def _refuse(self, requests: AsyncIterator[pb.ExchangeRequest], context: Any) -> None:
        while self.received < self.refuses_after:
            self.received += len((await anext(requests)).body.data)
        await context.abort(grpc.StatusCode.UNAVAILABLE, "draining", (("plugway-refused", "draining"),))

    async def _upload(
        self, start: http.HttpRequest, requests: AsyncIterator[pb.ExchangeRequest]
    ) -> AsyncIterator[pb.ExchangeResponse]:
        path = start.path.decode()
        self.calls.append(path)
        if path == "/early":
            yield pb.ExchangeResponse(http_start=response(409, ("content-type", "text/plain")))
            yield pb.ExchangeResponse(body=http.BodyChunk(data=b"no need", end=True))
            return
        async for frame in requests:
            self.received += len(frame.body.data)
            self.uploaded.update(frame.body.data)
            if path == "/slow" and not self.go_on.is_set():
                await self.go_on.wait()
            if frame.body.end:
                break
        yield pb.ExchangeResponse(http_start=response(201, ("content-type", "text/plain")))
        yield pb.ExchangeResponse(body=http.BodyChunk(data=str(self.received).encode(), end=True))

    async def _websocket(
        self, start: http.WebSocketOpen, requests: AsyncIterator[pb.ExchangeRequest]
    ) -> AsyncIterator[pb.ExchangeResponse]:
        query = parse_qs(start.request.query.decode())
        if "refuse" in query:
            yield pb.ExchangeResponse(http_start=response(403, ("content-type", "text/plain")))
            yield pb.ExchangeResponse(body=http.BodyChunk(data=b"not you", end=True))
            return
        chosen = query.get("subprotocol", [""])[0] or (start.subprotocols[0] if start.subprotocols else "")
        yield pb.ExchangeResponse(
            websocket_accept=http.WebSocketAccept(subprotocol=chosen, headers=[header("x-plugin", "yes")])
        )
        if "deaf" in query:
            await self.go_on.wait()
        while "flood" in query:
            yield pb.ExchangeResponse(websocket_message=http.WebSocketMessage(data=b"z" * 65536))
            self.sent += 65536
        for _ in range(int(query.get("crumbs", ["0"])[0])):
            yield pb.ExchangeResponse(websocket_message=http.WebSocketMessage(more=True))
        async for frame in requests:
            if frame.HasField("websocket_close"):
                self.calls.append(f"close {frame.websocket_close.code} {frame.websocket_close.reason}")
                return
            message = frame.websocket_message
            if message.text and message.data.startswith(b"close "):
                code = int(message.data.split()[1])
                yield pb.ExchangeResponse(websocket_close=http.WebSocketClose(code=code, reason="asked"))
                return
            yield pb.ExchangeResponse(websocket_message=message)


def echo(request: pb.HandleRequest) -> bytes:
    """The call as the plugin saw it, as JSON."""
    head = request.request
    context = head.context
    return json.dumps(
        {
            "method": head.method,
            "path": head.path.decode(),
            "query": head.query.decode(),
            "headers": [[h.name.decode(), h.value.decode("latin-1")] for h in head.headers],
            "body": request.body.decode("latin-1"),
            "context": {
                "request_id": context.request_id,
                "user": context.user,
                "role": context.role,
                "token": context.token,
                "base_path": context.base_path,
                "traceparent": context.traceparent,
                "client_address": context.client_address,
                "scheme": context.scheme,
                "host": context.host,
            },
        }
    ).encode()


@cache
def keep_poller() -> None:
    """Else gRPC ends its polling thread with a test's last channel, and the event loop waits for that."""
    grpc.aio.init_grpc_aio()


async def serve(address: str, plugin: ContractPlugin) -> grpc.aio.Server:
    """A started server; the caller stops it."""
    return (await serve_tls(address, plugin, None))[0]


async def serve_tls(
    address: str, plugin: ContractPlugin, credentials: grpc.ServerCredentials | None
) -> tuple[grpc.aio.Server, int]:
    """The same with TLS, and the port it took."""
    keep_poller()
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", 16 * 2**20),
            ("grpc.max_send_message_length", 16 * 2**20),
        ]
    )
    stubs.add_PluginServiceServicer_to_server(plugin, server)
    if credentials is None:
        port = server.add_insecure_port(address)
    else:
        port = server.add_secure_port(address, credentials)
    await server.start()
    return server, port


async def _main(address: str) -> None:
    server = await serve(address, ContractPlugin())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
