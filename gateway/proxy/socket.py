"""One open WebSocket: frames of an Exchange on one side, ASGI messages on the other."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from plugway.plugin.v1.http_pb2 import HttpRequest, WebSocketClose, WebSocketMessage, WebSocketOpen
from plugway.plugin.v1.plugin_pb2 import ExchangeRequest, ExchangeResponse

from gateway.proxy import unconfigured
from gateway.proxy.answer import clean_headers, open_head
from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.head import Head
from gateway.proxy.upstream import Upstream
from gateway.proxy.wire.exchanges import ExchangeStream

_PART = 512 * 1024
_REFUSAL = 64 * 1024
_PARTING = 10.0
"""Seconds that the plugin has to end after its client has closed."""

MAX_MESSAGE = 16 * 2**20
"""Longest message from a plugin, in bytes; uvicorn's default for those from clients."""

_MOST_PARTS = 2**16
"""Parts of one message: those without content would be held without end otherwise."""

HANDSHAKE = b"sec-websocket-"
SWITCHING = 101
RESTART, FAILED, TOO_BIG = 1012, 1011, 1009
_VALID = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})


class Socket:
    """One open WebSocket and the exchange with the plugin behind it."""

    def __init__(self, upstream: Upstream, receive: Any, send: Any) -> None:
        self._upstream = upstream
        self._stream: ExchangeStream = None  # type: ignore[assignment]  # until shake_hands
        self._receive = receive
        self._send = send
        self.failure: CallFailed | None = None

    async def shake_hands(
        self, request: HttpRequest, subprotocols: list[str], within: float, head: Head
    ) -> int:
        """Ask the plugin and pass on its yes (101) or no; returns the status as it is counted.

        Raises :class:`CallFailed` before anything was sent to the client.
        """
        opening = WebSocketOpen(request=request, subprotocols=subprotocols)
        try:
            async with asyncio.timeout(within):
                self._stream = await self._upstream.exchange()
                with contextlib.suppress(CallFailed):  # What is read next says how it ended.
                    await self._stream.send(ExchangeRequest(websocket_start=opening))
                frame = await self._stream.receive()
                if frame is not None and frame.HasField("http_start"):
                    return await self._refused(frame, head)
        except TimeoutError:
            raise CallFailed(Failure.TIMED_OUT, f"did not answer within {within:g} seconds") from None
        if frame is None or not frame.HasField("websocket_accept"):
            raise CallFailed(Failure.GARBAGE, "answered a WebSocket with something else")
        return await self._accepted(frame, subprotocols, head)

    async def _refused(self, frame: ExchangeResponse, head: Head) -> int:
        headers, _ = open_head(frame.http_start, head.request_id)
        body = b""
        while len(body) < _REFUSAL and (part := await self._stream.receive()) is not None:
            body += part.body.data
            if part.body.end:
                break
        status = frame.http_start.status
        headers.append((b"content-length", b"%d" % len(body)))
        await self._send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await self._send({"type": "websocket.http.response.body", "body": body})
        return unconfigured.judged(status, headers, body)

    async def _accepted(self, frame: ExchangeResponse, offered: list[str], head: Head) -> int:
        accept = frame.websocket_accept
        if accept.subprotocol and accept.subprotocol not in offered:
            raise CallFailed(Failure.GARBAGE, "chose a subprotocol that was not offered")
        headers, _ = clean_headers(accept.headers, [(b"x-request-id", head.request_id.encode())])
        kept = [pair for pair in headers if not pair[0].startswith(HANDSHAKE)]
        await self._send(
            {"type": "websocket.accept", "subprotocol": accept.subprotocol or None, "headers": kept}
        )
        return SWITCHING

    def cancel(self) -> None:
        if self._stream is not None:
            self._stream.close()

    async def run(self) -> None:
        """Carry messages until one side closes."""
        up = asyncio.create_task(self._from_client())
        down = asyncio.create_task(self._from_plugin())
        try:
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            if up.done() and not down.done():
                # The client has closed: the plugin may finish what it does, but not for ever.
                await asyncio.wait((down,), timeout=_PARTING)
        finally:
            self._stream.close()
            for task in (up, down):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _from_client(self) -> None:
        try:
            while True:
                event = await self._receive()
                if event["type"] == "websocket.disconnect":
                    close = WebSocketClose(code=event.get("code", 1005), reason=event.get("reason") or "")
                    await self._stream.send(ExchangeRequest(websocket_close=close))
                    self._stream.send_end()
                    return
                text = event.get("text")
                data = text.encode() if text is not None else event.get("bytes", b"")
                await self._write_message(data, text is not None)
        except CallFailed:
            # The exchange has ended; the other direction learns how.
            return

    async def _write_message(self, data: bytes, text: bool) -> None:
        for start in range(0, len(data) or 1, _PART):
            more = start + _PART < len(data)
            message = WebSocketMessage(data=data[start : start + _PART], text=text, more=more)
            await self._stream.send(ExchangeRequest(websocket_message=message))

    async def _from_plugin(self) -> None:
        parts: list[bytes] = []
        size = 0
        try:
            while (frame := await self._stream.receive()) is not None:
                kind = frame.WhichOneof("frame")
                if kind == "websocket_close":
                    await self._close(frame.websocket_close.code, frame.websocket_close.reason)
                    return
                if kind != "websocket_message":
                    self.failure = CallFailed(Failure.GARBAGE, "sent a frame no WebSocket has")
                    break
                parts.append(frame.websocket_message.data)
                size += len(frame.websocket_message.data)
                if size > MAX_MESSAGE or len(parts) > _MOST_PARTS:
                    await self._close(TOO_BIG, "message too big")
                    return
                if not frame.websocket_message.more:
                    await self._pass_on(b"".join(parts), frame.websocket_message.text)
                    parts.clear()
                    size = 0
        except CallFailed as failed:
            self.failure = failed
        lost = self.failure is not None and self.failure.failure is Failure.LOST
        await self._close(RESTART if lost else FAILED, "the plugin went away")

    async def _pass_on(self, data: bytes, text: bool) -> None:
        if not text:
            await self._send({"type": "websocket.send", "bytes": data})
            return
        try:
            await self._send({"type": "websocket.send", "text": data.decode()})
        except UnicodeDecodeError:
            await self._close(FAILED, "the plugin sent text that is none")

    async def _close(self, code: int, reason: str) -> None:
        valid = code in _VALID or 3000 <= code <= 4999
        code = code if valid else (1000 if code in (0, 1005) else FAILED)
        cut = reason.encode()[:123].decode(errors="ignore")
        # The client may have closed at the same time, which servers report as an error.
        with contextlib.suppress(RuntimeError, OSError):
            await self._send({"type": "websocket.close", "code": code, "reason": cut})
