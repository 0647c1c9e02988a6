"""Another host, which a plugin's page must not reach."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Elsewhere:
    """Keeps whatever is said to it.

    Chromium connects ahead of a navigation that its policy then refuses; nothing is sent on
    such a connection, so what counts is what was said.
    """

    url: str
    heard: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def another_host() -> AsyncIterator[Elsewhere]:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if said := await reader.read(1000):
            found.heard.append(said)
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    found = Elsewhere(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    async with server:
        yield found
