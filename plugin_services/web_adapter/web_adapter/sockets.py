"""WebSockets: messages both ways, until either side closes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from plugway_sdk import current_call
from plugway_sdk.plugin import Receive, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from web_adapter import headers
from web_adapter.problems import Problem

if TYPE_CHECKING:
    from web_adapter.proxy import Proxy, Scope

_LARGEST = 16 * 2**20
_OPEN_TIMEOUT = 10.0
_GOING_AWAY = 1001


class _Connect(connect):
    """Follows no redirect: it could lead to another host."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def forward_socket(proxy: Proxy, scope: Scope, receive: Receive, send: Send) -> None:
    """Open the API's end first: its refusal is the answer to the client."""
    await receive()
    try:
        socket = await _open(proxy, scope)
    except (Problem, OSError, InvalidHandshake, TimeoutError):
        # Before it was accepted, a close is a refusal of the handshake.
        await send({"type": "websocket.close", "code": _GOING_AWAY})
        return
    async with socket:
        await send({"type": "websocket.accept", "subprotocol": socket.subprotocol})
        outward = asyncio.create_task(_to_api(socket, receive))
        inward = asyncio.create_task(_to_client(socket, send))
        try:
            await asyncio.wait((outward, inward), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (outward, inward):
                task.cancel()
            # One side's end makes the other's last message fail: that is no fault.
            await asyncio.gather(outward, inward, return_exceptions=True)


async def _open(proxy: Proxy, scope: Scope) -> ClientConnection:
    target = proxy.target(scope).decode("ascii")
    pairs = headers.for_api(scope["headers"], proxy.authority, current_call().request_id)
    return await _Connect(
        f"{'wss' if proxy.secure else 'ws'}://{proxy.authority.decode('ascii')}{target}",
        sock=await proxy.network.connected(),
        ssl=proxy.tls,
        additional_headers=[(n.decode("latin-1"), v.decode("latin-1")) for n, v in pairs if n != b"host"],
        subprotocols=[Subprotocol(name) for name in scope["subprotocols"]] or None,
        compression=None,
        max_size=_LARGEST,
        open_timeout=_OPEN_TIMEOUT,
        proxy=None,
    )


async def _to_api(socket: ClientConnection, receive: Receive) -> None:
    with suppress(ConnectionClosed):
        while (message := await receive())["type"] == "websocket.receive":
            text = message.get("text")
            await socket.send(text if text is not None else message["bytes"])
        code = message.get("code", 1000)
        await socket.close(code if code not in (1005, 1006) else 1000, message.get("reason") or "")


async def _to_client(socket: ClientConnection, send: Send) -> None:
    with suppress(ConnectionClosed):
        while True:
            data = await socket.recv()
            await send({"type": "websocket.send", "text" if isinstance(data, str) else "bytes": data})
    code = socket.close_code or 1000
    await send(
        {
            "type": "websocket.close",
            "code": code if code not in (1005, 1006) else _GOING_AWAY,
            "reason": socket.close_reason or "",
        }
    )
