"""``python -m tests.flooding BASE PLUGIN SECONDS``: callers that ask for a plugin as fast as it is answered.

Who they are (``Authorization``) comes by standard input; how many answers they had is printed.
"""

from __future__ import annotations

import asyncio
import sys
from urllib.parse import urlsplit

CALLERS = 64


async def main(base: str, plugin: str, seconds: str) -> None:
    end = asyncio.get_running_loop().time() + float(seconds)
    token = sys.stdin.read()
    request = f"GET /plugins/{plugin}/api/ HTTP/1.1\r\nhost: localhost\r\nauthorization: {token}\r\n\r\n"
    counts = await asyncio.gather(*(_call(base, request.encode(), end) for _ in range(CALLERS)))
    sys.stdout.write(str(sum(counts)))


async def _call(base: str, request: bytes, end: float) -> int:
    where = urlsplit(base)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    made = 0
    try:
        while asyncio.get_running_loop().time() < end:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
            made += 1
    finally:
        writer.close()
    return made


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
