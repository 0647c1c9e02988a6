"""The app of a plugin that has none, as all it offers are typed services."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

_BODY = json.dumps({"type": "about:blank", "title": "Not found", "status": 404}).encode()
_HEADERS = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(_BODY)).encode())]


async def nothing_here(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """Answers 404 to all."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1000})
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _BODY})
    else:
        raise RuntimeError("no lifespan")
