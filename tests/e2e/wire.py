"""What a browser really sends: a relay before the gateway that notes each request's first line.

A browser's own account also lists what came from its cache, and intercepting requests turns the cache off.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.running import until

_REQUEST = re.compile(rb"(?:^|\r\n)(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (\S+) HTTP/1\.1\r\n")


@dataclass
class Wire:
    """``base`` stands for the gateway's; ``asked`` holds "METHOD path" of what passed, ``answered`` bytes.

    A request that holds the bytes ``hold`` waits until ``release`` is set; each takes ``delay`` more seconds.
    """

    base: str = ""
    asked: list[str] = field(default_factory=list)
    answered: int = 0
    delay: float = 0.0
    hold: bytes = b""
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_asked(self, ending: str) -> None:
        await until(lambda: any(line.endswith(ending) for line in self.asked), f"a request for {ending}")

    def of_pages(self) -> list[str]:
        """The requests for UIs of plugins."""
        return [line for line in self.asked if "/ui/" in line]


@asynccontextmanager
async def wire(gateway: str) -> AsyncIterator[Wire]:
    """Relay connections to the gateway at this address."""
    target = urlsplit(gateway)
    found, open_ = Wire(), set[asyncio.StreamWriter]()

    async def inwards(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        rest = b""
        async for part in _parts(reader, out):
            rest = _note(rest + part, found.asked)
            if found.hold and found.hold in part:
                await found.release.wait()
            if found.delay:
                await asyncio.sleep(found.delay)
            out.write(part)

    async def outwards(there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for part in _parts(there, writer):
            found.answered += len(part)
            writer.write(part)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, out = await asyncio.open_connection(target.hostname, target.port)
        open_.update((writer, out))
        await asyncio.gather(inwards(reader, out), outwards(there, writer))
        open_.difference_update((writer, out))

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    found.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield found
    finally:
        server.close()
        for writer in open_:
            writer.close()


async def _parts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """What one side says, at the pace of the other, which hangs up with it."""
    try:
        while part := await reader.read(65536):
            yield part
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def _note(said: bytes, asked: list[str]) -> bytes:
    """Note the requests that begin here; returns what the next one may begin in."""
    end = 0
    for match in _REQUEST.finditer(said):
        asked.append(b" ".join(match.groups()).decode("latin-1"))
        end = match.end()
    return said[max(end, len(said) - 8192) :]
