"""The plugin by HTTP, as a bare ASGI application; and the bytes that all of its forms answer."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.benchmarks.cases import ASSET, PART
from tests.benchmarks.typed import BODY

JSON, OCTETS, EVENTS = "application/json", "application/octet-stream", "text/event-stream"
EVENT = b"data: hello\n\n"


@cache
def blob(size: int) -> bytes:
    """The same at every call, made once."""
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


def number_of(path: str) -> int:
    return int(path.rpartition("/")[2])


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Paths as the contract's plugin has them, behind whatever prefix a peer leaves on."""
    path = scope["path"].partition("/api")[2] or scope["path"]
    if scope["type"] == "websocket":
        await _echo(receive, send)
    elif path == "/events":
        await _events(receive, send)
    elif path == "/upload":
        await _upload(receive, send)
    elif path.startswith("/stream/"):
        await _stream(number_of(path), send)
    elif path.startswith("/blob/"):
        await _answer(send, OCTETS, blob(number_of(path)))
    elif path.endswith(".js"):
        await _answer(send, "text/javascript", ASSET)
    else:
        await _answer(send, JSON, BODY)


async def _begin(send: Any, kind: str, length: int | None = None) -> None:
    headers = [(b"content-type", kind.encode())]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _answer(send: Any, kind: str, body: bytes) -> None:
    await _begin(send, kind, len(body))
    await send({"type": "http.response.body", "body": body})


async def _stream(size: int, send: Any) -> None:
    await _begin(send, OCTETS, size)
    part = bytes(PART)
    for _ in range(size // PART):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _events(receive: Any, send: Any) -> None:
    await _begin(send, EVENTS)
    await send({"type": "http.response.body", "body": EVENT, "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass


async def _upload(receive: Any, send: Any) -> None:
    taken, more = 0, True
    while more:
        message = await receive()
        taken += len(message.get("body", b""))
        more = message.get("more_body", False)
    await _answer(send, OCTETS, str(taken).encode())


async def _echo(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})
