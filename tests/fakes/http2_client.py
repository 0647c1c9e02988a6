"""A client of HTTP/2 that sends what a test wants, rules or no rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import Event
from h2.settings import SettingCodes
from hyperframe.frame import Frame

from tests.fakes.data_plane import TOKEN

Fields = list[tuple[bytes, bytes]]


def fields(path: str, method: str = "GET", *more: tuple[bytes, bytes]) -> Fields:
    return [
        (b":method", method.encode()),
        (b":path", path.encode()),
        (b":scheme", b"http"),
        (b":authority", b"localhost"),
        (b"authorization", f"Bearer {TOKEN}".encode()),
        *more,
    ]


class Http2Client:
    """``h2`` is the client's half, ``events`` all that came."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        # Nothing is checked on the way out: a test may break every rule.
        self.h2 = H2Connection(
            H2Configuration(
                client_side=True, validate_outbound_headers=False, normalize_outbound_headers=False
            )
        )
        self.events: list[Event] = []
        self.closed = False
        self.widens = True

    async def ask(self, *head: tuple[bytes, bytes], ended: bool = True) -> int:
        number = self.h2.get_next_available_stream_id()
        self.h2.send_headers(number, list(head), end_stream=ended)
        await self.flush()
        return number

    async def flush(self) -> None:
        await self.raw(self.h2.data_to_send())

    async def raw(self, data: bytes) -> None:
        if not self.closed:
            self.writer.write(data)
            try:
                await self.writer.drain()
            except ConnectionError:
                self.closed = True

    async def frames(self, *frames: Frame) -> None:
        await self.raw(b"".join(frame.serialize() for frame in frames))

    async def read(self) -> bool:
        """One look; False at the end of the connection."""
        try:
            data = await self.reader.read(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
            return False
        for event in self.h2.receive_data(data):
            self.events.append(event)
            counted: Any = getattr(event, "flow_controlled_length", 0)
            if counted and self.widens:
                self.h2.acknowledge_received_data(counted, event.stream_id)  # type: ignore[attr-defined]
        await self.flush()
        return True

    async def wait_for(self, kind: type[Event], number: int | None = None) -> Any:
        """The first such event, of a stream where one is named."""
        async with asyncio.timeout(20):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and number in (None, getattr(event, "stream_id", None)):
                        return event
                assert await self.read(), f"the connection ended; it brought {self.events}"

    async def until_closed(self) -> None:
        async with asyncio.timeout(20):
            while await self.read():
                pass

    def body(self, number: int) -> bytes:
        return b"".join(
            getattr(event, "data", b"") for event in self.events if getattr(event, "stream_id", 0) == number
        )


@asynccontextmanager
async def http2(port: int, window: int = 65535) -> AsyncIterator[Http2Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client = Http2Client(reader, writer)
    client.h2.local_settings.update({SettingCodes.ENABLE_PUSH: 0, SettingCodes.INITIAL_WINDOW_SIZE: window})
    client.h2.local_settings.acknowledge()
    client.h2.initiate_connection()
    await client.flush()
    try:
        yield client
    finally:
        writer.transport.abort()
