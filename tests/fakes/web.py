"""A web server whose every answer a test decides, and which remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from starlette.types import Receive, Scope, Send


@dataclass
class Page:
    body: bytes | Callable[[], AsyncIterator[bytes]] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Web:
    """``pages`` by path; ``asked`` holds path and headers of each request.

    ``sending`` counts the long answers that are under way.
    """

    pages: dict[str, Page | Callable[[dict[str, str]], Page]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    sending: int = 0

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        path = scope["raw_path"].decode()
        self.asked.append((path, headers))
        found = self.pages.get(path, Page(status=404))
        page = found(headers) if callable(found) else found
        sized = {"content-length": str(len(page.body))} if isinstance(page.body, bytes) else {}
        pairs = [(n.encode(), v.encode()) for n, v in {**sized, **page.headers}.items()]
        await send({"type": "http.response.start", "status": page.status, "headers": pairs})
        if isinstance(page.body, bytes):
            await send({"type": "http.response.body", "body": page.body})
            return
        sending = asyncio.create_task(self._send(page.body, send))
        leaving = asyncio.create_task(_left(receive))
        self.sending += 1
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        self.sending -= 1
        sending.cancel()
        leaving.cancel()

    async def _send(self, body: Callable[[], AsyncIterator[bytes]], send: Send) -> None:
        async for part in body():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
