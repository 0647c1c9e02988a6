"""Speaking to a relay as a plugin does, and destinations that behave as real ones do."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.egress.destinations import Destination
from gateway.egress.relay import Relay

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Meet = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[[Meet], Awaitable[Destination]]
MakeRelay = Callable[..., Awaitable[Relay]]
OWNER = (os.getuid(), os.getgid())


async def say(place: Path, words: bytes) -> Streams:
    reader, writer = await asyncio.open_unix_connection(place)
    writer.write(words)
    return reader, writer


async def ask(place: Path, to: Destination | str) -> Streams:
    return await say(place, f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n".encode())


async def answered(reader: asyncio.StreamReader) -> str:
    """The answer's first line; for a refusal, its words too."""
    async with asyncio.timeout(15):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first = head.split("\r\n")[0].removeprefix("HTTP/1.1 ")
        return first if first.startswith("200 ") else f"{first}\n{(await reader.read()).decode()}"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()
