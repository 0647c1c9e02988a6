"""The load over HTTP/1.1: kept connections, written by hand so that the peers are what is measured."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar, cast

import httptools

from tests.benchmarks.cases import ECHO, PART, TRANSFER, Case
from tests.benchmarks.pacing import Caller, at_rate, for_calls, for_seconds
from tests.benchmarks.transfer import Transfers, WrongAnswer
from tests.fakes.data_plane import TOKEN

P = TypeVar("P", bound=asyncio.Protocol)
_APART = 0.01
PATIENCE = 120.0
"""Seconds for whatever is waited for."""


def request(path: str, method: str = "GET", *more: str) -> bytes:
    """What a script or a browser sends, more or less."""
    lines = (
        f"{method} {path} HTTP/1.1",
        "host: 127.0.0.1",
        "user-agent: bench/1.0 (X11; Linux x86_64)",
        "accept: application/json, text/event-stream, */*",
        "accept-language: en",
        f"authorization: Bearer {TOKEN}",
        *more,
    )
    return "\r\n".join((*lines, "", "")).encode()


class Connection(asyncio.Protocol):
    """One connection with one call at a time; anything but ``status`` is a wrong answer.

    ``kept`` has the last body where that was asked for.
    """

    def __init__(self) -> None:
        self.status = 200
        self._parser = httptools.HttpResponseParser(self)
        self._done: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self.kept: bytearray | None = None
        self.received = 0
        self.first = asyncio.Event()

    async def call(self, message: bytes) -> None:
        """Send it and take the whole answer; raises :class:`WrongAnswer`."""
        self._done = asyncio.get_running_loop().create_future()
        self.received = 0
        self.transport.write(message)
        await self._done

    async def upload(self, head: bytes, size: int) -> None:
        """A body of ``size`` bytes, no faster than the peer takes it."""
        self._done = asyncio.get_running_loop().create_future()
        self.transport.write(head)
        part = bytes(PART)
        for _ in range(size // PART):
            await self._room.wait()
            self.transport.write(part)
        await self._done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def on_body(self, body: bytes) -> None:
        self.received += len(body)
        self.first.set()
        if self.kept is not None:
            self.kept += body

    def on_message_complete(self) -> None:
        if self._done is None or self._done.done():
            return
        status = self._parser.get_status_code()
        if status == self.status:
            self._done.set_result(None)
        else:
            self._done.set_exception(WrongAnswer(f"answered {status}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._room.set()
        if self._done is not None and not self._done.done():
            self._done.set_exception(exc or WrongAnswer("closed the connection within a call"))


class EchoSocket(asyncio.Protocol):
    """A WebSocket that sends one short message and waits for the same."""

    def __init__(self, path: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self._open = request(
            path, "GET", "origin: http://127.0.0.1", "connection: upgrade", "upgrade: websocket",
            "sec-websocket-version: 13", f"sec-websocket-key: {key}",
        )  # fmt: skip
        # Text, masked with zeros, which RFC 6455 does not forbid.
        self._frame = bytes((0x81, 0x80 | len(ECHO))) + bytes(4) + ECHO
        self._expected = bytes((0x81, len(ECHO))) + ECHO
        self._buffer = b""
        self._wanted: asyncio.Future[None] | None = None
        self._opened = False

    async def open(self) -> None:
        self._wanted = asyncio.get_running_loop().create_future()
        self.transport.write(self._open)
        await self._wanted
        self._opened = True

    async def call(self) -> None:
        self._wanted = asyncio.get_running_loop().create_future()
        self.transport.write(self._frame)
        await self._wanted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        complete = len(self._buffer) >= len(self._expected) if self._opened else b"\r\n\r\n" in self._buffer
        if not complete or self._wanted is None or self._wanted.done():
            return
        answer, self._buffer = self._buffer, b""
        good = answer == self._expected if self._opened else answer.startswith(b"HTTP/1.1 101")
        if good:
            self._wanted.set_result(None)
        else:
            self._wanted.set_exception(WrongAnswer(f"not the echo: {answer[:200]!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_exception(exc or WrongAnswer("closed the WebSocket"))


@asynccontextmanager
async def connected(port: int, number: int, pause: float = 0.0) -> AsyncIterator[list[Connection]]:
    """Connections that are closed when the block is left, opened ``pause`` seconds after each other."""
    loop = asyncio.get_running_loop()
    made = []
    for _ in range(number):
        made.append(await loop.create_connection(Connection, "127.0.0.1", port))
        await asyncio.sleep(pause)
    try:
        yield [connection for _, connection in made]
    finally:
        for transport, _ in made:
            transport.close()


class HttpLoad:
    """The load on one peer. ``path_of`` says under which path it has a case."""

    def __init__(self, port: int, path_of: Callable[[Case], str]) -> None:
        self._port = port
        self._path_of = path_of

    async def answer(self, case: Case) -> bytes:
        """The body of one call, whole."""
        async with self._callers(case, 1, keep=True) as (calls, connections):
            async with asyncio.timeout(PATIENCE):
                if case.kind == "events":
                    connections[0].transport.write(request(self._path_of(case)))
                    await connections[0].first.wait()
                else:
                    await calls[0]()
            return ECHO if case.kind == "websocket" else bytes(connections[0].kept or b"")

    async def closed(self, case: Case, seconds: float) -> tuple[int, float]:
        """How many calls were made, and the seconds they took."""
        if case.transfer:
            with Transfers(self._port) as transfers:
                return await for_seconds([self._transfer(case, transfers)], seconds)
        async with self._callers(case, case.at_once) as (calls, _), asyncio.timeout(PATIENCE):
            return await for_seconds(calls, seconds)

    async def shared(self, case: Case, each: int) -> tuple[int, float]:
        """So many calls on every connection; how many they were, and the seconds they took.

        The connections come one by one: in a rush, whom the load leaves a processor would take them all.
        """
        async with connected(self._port, case.at_once, _APART) as connections, asyncio.timeout(PATIENCE):
            calls = [self._caller(case, self._path_of(case), connection) for connection in connections]
            return each * len(calls), await for_calls(calls, each)

    async def steady(self, case: Case, seconds: float) -> float:
        """Calls a second over connections that came one by one."""
        async with connected(self._port, case.at_once, _APART) as connections, asyncio.timeout(PATIENCE):
            calls = [self._caller(case, self._path_of(case), connection) for connection in connections]
            made, took = await for_seconds(calls, seconds)
            return made / took

    async def paced(self, case: Case, number: int) -> list[float]:
        """Seconds of each call at the case's rate."""
        async with self._callers(case, 32) as (calls, _), asyncio.timeout(PATIENCE):
            for call in calls:
                await call()
            return await at_rate(calls, case.rate, number)

    @asynccontextmanager
    async def held(self, case: Case, number: int) -> AsyncIterator[None]:
        """That many event streams, each with its first event, as long as the block runs."""
        message = request(self._path_of(case))
        connections: list[Connection] = []
        try:
            async with asyncio.timeout(PATIENCE):
                for _ in range(number):
                    connection = await self._connect(Connection)
                    connections.append(connection)
                    connection.transport.write(message)
                    if len(connections) % 50 == 0:
                        await asyncio.gather(*(one.first.wait() for one in connections))
                await asyncio.gather(*(one.first.wait() for one in connections))
            yield
        finally:
            for connection in connections:
                connection.transport.close()

    @asynccontextmanager
    async def _callers(
        self, case: Case, number: int, *, keep: bool = False
    ) -> AsyncIterator[tuple[Sequence[Caller], list[Connection]]]:
        path = self._path_of(case)
        if case.kind == "websocket":
            sockets = [await self._connect(lambda: EchoSocket(path)) for _ in range(number)]
            try:
                for socket in sockets:
                    await socket.open()
                yield [socket.call for socket in sockets], []
            finally:
                for socket in sockets:
                    socket.transport.close()
            return
        async with connected(self._port, number) as connections:
            if keep:
                connections[0].kept = bytearray()
            yield [self._caller(case, path, connection) for connection in connections], connections

    def _transfer(self, case: Case, transfers: Transfers) -> Caller:
        if case.kind != "upload":
            return lambda: transfers.call(request(self._path_of(case)))
        head = request(self._path_of(case), "POST", f"content-length: {TRANSFER}")
        return lambda: transfers.call(head, TRANSFER)

    def _caller(self, case: Case, path: str, connection: Connection) -> Caller:
        if case.kind == "upload":
            head = request(path, "POST", f"content-length: {TRANSFER}")
            return lambda: connection.upload(head, TRANSFER)
        message = request(path)
        return lambda: connection.call(message)

    async def _connect(self, make: Callable[[], P]) -> P:
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_connection(make, "127.0.0.1", self._port)
        return protocol
