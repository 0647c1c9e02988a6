"""A relay on a real socket, and destinations on real ones."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.egress.destinations import Destination
from gateway.egress.dial import Dialer, resolved
from gateway.egress.relay import Relay, RelayLimits
from gateway.model import InstanceId
from tests.unit.egress.kit import OWNER, MakeRelay, Meet, Serve


@pytest.fixture
def place() -> Iterator[Path]:
    # Not under pytest's directories: the path of a socket has to be short.
    directory = Path(tempfile.mkdtemp(prefix="pw-relay-"))
    yield directory / "egress" / "relay.sock"
    shutil.rmtree(directory)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Makes a destination that meets connections so, and returns where it is."""
    async with AsyncExitStack() as stack:

        async def one(meet: Meet) -> Destination:
            async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                try:
                    await meet(reader, writer)
                except (OSError, asyncio.CancelledError):
                    pass
                finally:
                    writer.transport.abort()

            server = await asyncio.start_server(guarded, "127.0.0.1", 0)
            stack.callback(server.close)
            return Destination("127.0.0.1", server.sockets[0].getsockname()[1])

        yield one


@pytest.fixture
async def make(place: Path) -> AsyncIterator[MakeRelay]:
    made: list[Relay] = []

    async def one(
        *granted: Destination,
        connections: int = 8,
        idle: float = 30.0,
        patience: float = 5.0,
        resolve: Callable[[Destination], list[str]] = resolved,
    ) -> Relay:
        dialer = Dialer(patience, resolve=resolve)
        limits = RelayLimits(connections=connections, idle=idle)
        relay = Relay(InstanceId("one.1"), place, owner=OWNER, dialer=dialer, limits=limits)
        made.append(relay)
        await relay.grant(frozenset(granted))
        await relay.open()
        return relay

    yield one
    for relay in made:
        await relay.close()
