from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from gateway.workers.acceptor import Acceptor, Loads
from tests.fakes.data_plane import until


class Echo(asyncio.Protocol):
    def __init__(self, connections: set[Echo]) -> None:
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)


class Side:
    """One worker, as far as connections go."""

    def __init__(self, listener: socket.socket, loads: Loads) -> None:
        self.connections: set[Echo] = set()
        self.loads = loads
        self.acceptor = Acceptor(
            listener, lambda: Echo(self.connections), None, self.connections.__len__, self.loads
        )

    async def close(self) -> None:
        self.acceptor.stop()
        for one in tuple(self.connections):
            one.transport.abort()
        await asyncio.to_thread(self.loads.close)


async def beginning(listener: socket.socket, directory: Path, name: str) -> Side:
    side = Side(listener, await asyncio.to_thread(Loads, directory, name))
    await side.acceptor.start()
    return side


def listening() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    return listener


async def opened(listener: socket.socket, number: int) -> list[asyncio.StreamWriter]:
    host, port = listener.getsockname()
    return [(await asyncio.open_connection(host, port))[1] for _ in range(number)]


async def closed(writers: list[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def test_loads_are_seen_by_the_others_and_go_with_their_worker(tmp_path: Path) -> None:
    one, two, three = (Loads(tmp_path, name) for name in ("one", "two", "three"))
    assert one.least() is None
    one.look()
    two.put(5)
    three.put(3)
    one.put(1)
    assert one.least() == 3
    three.close()
    one.look()
    assert one.least() == 5
    two.close()
    one.look()
    assert one.least() is None
    one.close()
    assert list(tmp_path.iterdir()) == []


async def test_the_one_with_more_waits_but_not_for_ever(tmp_path: Path) -> None:
    with listening() as listener:
        idle = await asyncio.to_thread(Loads, tmp_path, "idle")
        side = await beginning(listener, tmp_path, "busy")
        try:
            # The idle one takes nothing, as if it were hung.
            writers = await opened(listener, 5)
            await until(lambda: len(side.connections) == 5, 20)
            await closed(writers)
        finally:
            await side.close()
            await asyncio.to_thread(idle.close)


async def test_two_share_what_comes(tmp_path: Path) -> None:
    with listening() as listener, listener.dup() as other:
        sides = [await beginning(listener, tmp_path, "one"), await beginning(other, tmp_path, "two")]
        await asyncio.to_thread(sides[0].loads.look)
        try:
            writers = await opened(listener, 20)
            await until(lambda: sum(len(side.connections) for side in sides) == 20, 20)
            assert min(len(side.connections) for side in sides) >= 5
            await closed(writers)
        finally:
            for side in sides:
                await side.close()


async def test_what_waits_when_one_stops_is_for_the_other(tmp_path: Path) -> None:
    with listening() as listener, listener.dup() as other:
        one = await beginning(listener, tmp_path, "one")
        one.acceptor.stop()
        writers = await opened(listener, 3)
        two = await beginning(other, tmp_path, "two")
        try:
            await until(lambda: len(two.connections) == 3, 20)
            assert not one.connections
            await closed(writers)
        finally:
            await one.close()
            await two.close()
