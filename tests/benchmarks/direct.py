"""The floor: a client that calls the plugin itself. ``... direct SOCKET (grpc|wire)``.

``grpc`` is gRPC's own client; ``wire`` is the gateway's connection, which makes unary calls only. Told by
lines of JSON what to do (``[what, case, number]``), it answers each with one.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import uvloop
from plugway.plugin.v1 import http_pb2 as http
from plugway.plugin.v1 import plugin_pb2 as pb
from plugway.plugin.v1.plugin_pb2_grpc import PluginServiceStub

from gateway.proxy.upstream import Upstream
from tests.benchmarks.cases import CASES, ECHO, PART, TRANSFER, Case
from tests.benchmarks.pacing import Caller, at_rate, for_seconds
from tests.benchmarks.typed import BODY, SERVICE, messages
from tests.fakes.data_plane import endpoint

_WITHIN = 60.0
_MOST = 16 * 2**20


class Direct:
    """Makes the calls of each case."""

    def __init__(self, socket: str, way: str) -> None:
        self._channel = grpc.aio.insecure_channel(
            f"unix:{socket}", options=[("grpc.max_receive_message_length", _MOST)]
        )
        self._stub = PluginServiceStub(self._channel)
        self._upstream = Upstream(endpoint(f"unix:{socket}")) if way == "wire" else None
        note = messages()
        self._typed = self._channel.unary_unary(
            f"/{SERVICE}/GetNote", note["NoteRequest"].SerializeToString, note["Note"].FromString
        )
        self._typed_request = note["NoteRequest"](id=1)
        self._held: list[Any] = []

    async def answer(self, case: Case) -> bytes:
        """What a call of it answers."""
        if case.kind == "typed":
            note: Any = await self._typed(self._typed_request, timeout=_WITHIN)
            return BODY if (note.id, note.title) == (1, "A note") else b"another note"
        async with self._caller(case) as call:
            return bytes(await call())

    async def closed(self, case: Case, seconds: float) -> tuple[int, float]:
        async with self._callers(case, case.at_once) as calls:
            return await for_seconds(calls, seconds)

    async def paced(self, case: Case, number: int) -> list[float]:
        async with self._callers(case, 32) as calls:
            return await at_rate(calls, case.rate, number)

    async def hold(self, case: Case, number: int) -> None:
        """Begin that many event streams and keep them; 0 ends all of them."""
        if not number:
            for stream in self._held:
                stream.cancel()
            self._held.clear()
            return
        for _ in range(number):
            answer = await self._stub.Handle(self._request(case), timeout=_WITHIN)
            assert answer.body
            stream = self._stub.ReadBody(pb.ReadBodyRequest(continuation=answer.continuation))
            self._held.append(stream)

    def _request(self, case: Case) -> pb.HandleRequest:
        return pb.HandleRequest(request=http.HttpRequest(method="GET", path=case.path.encode()))

    @asynccontextmanager
    async def _callers(self, case: Case, number: int) -> AsyncIterator[list[Caller]]:
        async with asyncio.timeout(120):
            if case.kind != "websocket":
                async with self._caller(case) as call:
                    yield [call] * number
                return
            sockets = [_Socket(self._stub) for _ in range(number)]
            for socket in sockets:
                await socket.open()
            yield [socket.call for socket in sockets]
            for socket in sockets:
                socket.close()

    @asynccontextmanager
    async def _caller(self, case: Case) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
        request = self._request(case)

        async def unary() -> bytes:
            if self._upstream is not None:
                return (await self._upstream.handle(request, _WITHIN)).body
            answer = await self._stub.Handle(request, timeout=_WITHIN)
            return bytes(answer.body)

        async def download() -> bytes:
            answer = await self._stub.Handle(request, timeout=_WITHIN)
            taken = 0
            async for part in self._stub.ReadBody(pb.ReadBodyRequest(continuation=answer.continuation)):
                taken += len(part.chunk)
            return str(taken).encode()

        async def typed() -> Any:
            return await self._typed(self._typed_request, timeout=_WITHIN)

        async def upload() -> bytes:
            start = pb.ExchangeRequest(http_start=http.HttpRequest(method="POST", path=b"/upload"))
            stream: Any = self._stub.Exchange()
            await stream.write(start)
            part = pb.ExchangeRequest(body=http.BodyChunk(data=bytes(PART)))
            for _ in range(TRANSFER // PART):
                await stream.write(part)
            await stream.write(pb.ExchangeRequest(body=http.BodyChunk(end=True)))
            await stream.done_writing()
            await stream.read()
            return bytes((await stream.read()).body.data)

        if case.kind == "websocket":
            socket = _Socket(self._stub)
            await socket.open()
            yield socket.call
            socket.close()
        else:
            ways = {"typed": typed, "upload": upload}
            yield ways.get(case.kind) or (download if case.path.startswith("/stream/") else unary)


class _Socket:
    """A WebSocket by the contract."""

    def __init__(self, stub: Any) -> None:
        self._stream = stub.Exchange()

    async def open(self) -> None:
        request = http.HttpRequest(method="GET", path=b"/echo")
        await self._stream.write(
            pb.ExchangeRequest(websocket_start=http.WebSocketOpen(request=request, subprotocols=[]))
        )
        await self._stream.read()

    async def call(self) -> bytes:
        message = http.WebSocketMessage(data=ECHO, text=True)
        await self._stream.write(pb.ExchangeRequest(websocket_message=message))
        return bytes((await self._stream.read()).websocket_message.data)

    def close(self) -> None:
        self._stream.cancel()


async def main(socket: str, way: str) -> None:
    direct = Direct(socket, way)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        what, name, number = json.loads(line)
        case = CASES[name]
        if what == "answer":
            told: object = (await direct.answer(case)).decode("latin-1")
        elif what == "closed":
            told = await direct.closed(case, number)
        elif what == "paced":
            told = await direct.paced(case, int(number))
        else:
            await direct.hold(case, int(number))
            told = None
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
