"""``python -m tests.flooding BASE PLUGIN SECONDS``: callers that ask for a plugin as fast as it is answered.

They have what this machine's processors have to spare, as callers from elsewhere would leave them alone.
Who they are (``Authorization``) comes by standard input; how many answers they had is printed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

CALLERS = 64


class Caller:
    """One connection that costs little: next to it, a client library would be what is measured."""

    def __init__(self, base: str, plugin: str, token: str) -> None:
        self._where = urlsplit(base)
        path = f"/plugins/{plugin}/api/"
        self._request = f"GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: {token}\r\n\r\n".encode()

    async def __aenter__(self) -> Caller:
        self._reader, self._writer = await asyncio.open_connection(self._where.hostname, self._where.port)
        return self

    async def __aexit__(self, *error: object) -> None:
        self._writer.close()

    async def call(self) -> tuple[int, bytes]:
        """Status and body."""
        self._writer.write(self._request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        return int(head.split(b" ", 2)[1]), await self._reader.readexactly(length)


def yield_processors() -> None:
    """Come after all others on this machine, which wants a session of one's own."""
    os.setpriority(os.PRIO_PROCESS, 0, 19)
    # Where sessions are scheduled as groups, priority within one means nothing to the others.
    group = Path("/proc/self/autogroup")
    if group.exists():
        group.write_text("19")


async def main(base: str, plugin: str, seconds: str) -> None:
    token = sys.stdin.read()
    yield_processors()
    end = asyncio.get_running_loop().time() + float(seconds)
    counts = await asyncio.gather(*(_flood(Caller(base, plugin, token), end) for _ in range(CALLERS)))
    sys.stdout.write(str(sum(counts)))


async def _flood(caller: Caller, end: float) -> int:
    made = 0
    async with caller:
        while asyncio.get_running_loop().time() < end:
            await caller.call()
            made += 1
    return made


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
