"""Acts that take long, and that nobody waits for any more once their client has left."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

from gateway.errors import Conflict

T = TypeVar("T")


class ClientLeft(Conflict):
    """Only the gateway itself ever sees this."""

    key, title = "client-left", "The client left"


async def while_connected(request: Request, act: Coroutine[Any, Any, T]) -> T:
    """The result of ``act``; a client that leaves before ends it, and it clears up behind itself.

    The request's body must have been read. Raises :class:`ClientLeft`.
    """
    doing = asyncio.ensure_future(act)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (doing, leaving):
            task.cancel()
        await asyncio.gather(doing, leaving, return_exceptions=True)
    if doing.cancelled():
        raise ClientLeft("The client left before this was done.")
    return doing.result()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
