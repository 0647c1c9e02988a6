"""One WebSocket: the ASGI conversation of an app, as frames of Exchange."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

from plugway.plugin.v1 import http_pb2, plugin_pb2

from plugway_sdk.app_host import AppHost
from plugway_sdk.change import Signal
from plugway_sdk.context import current_message
from plugway_sdk.frames import ClientGone, header_messages
from plugway_sdk.plugin import Message
from plugway_sdk.scope import websocket_scope

log = logging.getLogger("plugway_sdk.call")

Frame = plugin_pb2.ExchangeResponse

SERVICE_RESTART = 1012
TOO_BIG = 1009
INTERNAL = 1011
_LARGEST = 16 * 2**20
_PIECE = 2**20
_QUEUED = 16


class WebSocketCall:
    """Frames in by :meth:`feed`, frames out by :meth:`next_frame`; None ends them. Raises BadHead."""

    is_stream = True

    def __init__(self, host: AppHost, opening: http_pb2.WebSocketOpen) -> None:
        self._host = host
        self._message = opening.request.context
        self._scope = websocket_scope(opening, host.state)
        self._inbox: deque[Message] = deque([{"type": "websocket.connect"}])
        self._outbox: deque[Frame] = deque()
        self._in, self._out = Signal(), Signal()
        self._partial: list[bytes] = []
        self._partial_size = self._waiting = 0
        self._state = "opening"
        self._closed: Message | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._host.calls.enter(self)
        self._task = self._host.loop.create_task(self._run())

    async def _run(self) -> None:
        current_message.set(self._message)
        try:
            await self._host.app(self._scope, self._receive, self._send)
        except Exception:
            # The app is someone else's code: whatever it raises ends this socket and no other.
            if self._closed is None:
                log.exception("the app failed on the WebSocket %s", self._scope["path"])
                self._refuse_or_close(500, INTERNAL, "the plugin failed")
        finally:
            self._refuse_or_close(500, 1000, "")
            self._host.calls.leave(self)

    async def _receive(self) -> Message:
        while not self._inbox and self._closed is None:
            await self._in.wait()
        if self._inbox:
            message = self._inbox.popleft()
            self._waiting -= _size(message)
            self._in.notify()
            return message
        assert self._closed is not None
        return self._closed

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if self._closed is not None:
            raise ClientGone("the WebSocket is closed")
        if kind == "websocket.send" and self._state == "open":
            for frame in _pieces(message):
                await self._put(frame)
        elif kind == "websocket.accept" and self._state == "opening":
            self._state = "open"
            accept = http_pb2.WebSocketAccept(
                subprotocol=message.get("subprotocol") or "",
                headers=header_messages(message.get("headers", ())),
            )
            await self._put(Frame(websocket_accept=accept))
        elif kind == "websocket.close":
            self._refuse_or_close(403, message.get("code", 1000), message.get("reason") or "")
        elif kind == "websocket.http.response.start" and self._state == "opening":
            self._state = "refusing"
            head = http_pb2.HttpResponse(
                status=message["status"], headers=header_messages(message["headers"])
            )
            await self._put(Frame(http_start=head))
        elif kind == "websocket.http.response.body" and self._state == "refusing":
            end = not message.get("more_body", False)
            await self._put(Frame(body=http_pb2.BodyChunk(data=bytes(message.get("body", b"")), end=end)))
            if end:
                self._finish(1006, "")
        else:
            raise RuntimeError(f"unexpected ASGI message {kind!r} while {self._state}")

    async def _put(self, frame: Frame) -> None:
        self._outbox.append(frame)
        self._out.notify()
        while len(self._outbox) > _QUEUED and self._closed is None:
            await self._out.wait()

    def _refuse_or_close(self, status: int, code: int, reason: str) -> None:
        """End it from this side, in the way that its state allows."""
        if self._closed is not None:
            return
        if self._state == "opening":
            self._outbox.append(Frame(http_start=http_pb2.HttpResponse(status=status)))
            self._outbox.append(Frame(body=http_pb2.BodyChunk(end=True)))
        elif self._state == "refusing":
            self._outbox.append(Frame(body=http_pb2.BodyChunk(end=True)))
        else:
            self._outbox.append(
                Frame(websocket_close=http_pb2.WebSocketClose(code=code, reason=_short(reason)))
            )
        self._finish(code, reason)

    def _finish(self, code: int, reason: str) -> None:
        self._closed = {"type": "websocket.disconnect", "code": code, "reason": reason}
        self._in.notify()
        self._out.notify()

    # The other side.

    async def feed(self, frame: plugin_pb2.ExchangeRequest) -> bool:
        """Take one frame from the client; False where it was the last."""
        if frame.HasField("websocket_close"):
            self.disconnect(frame.websocket_close.code or 1005, frame.websocket_close.reason)
            return False
        if not frame.HasField("websocket_message"):
            raise ValueError("a WebSocket takes only messages and a close after its start")
        message = frame.websocket_message
        self._partial.append(message.data)
        self._partial_size += len(message.data)
        if self._partial_size > _LARGEST:
            self._refuse_or_close(413, TOO_BIG, f"messages may have {_LARGEST} bytes")
            return False
        if message.more:
            return True
        data = b"".join(self._partial)
        self._partial.clear()
        self._partial_size = 0
        content: dict[str, Any] = {"text": data.decode()} if message.text else {"bytes": data}
        while (len(self._inbox) >= _QUEUED or self._waiting >= _PIECE) and self._closed is None:
            await self._in.wait()
        received = {"type": "websocket.receive", **content}
        self._inbox.append(received)
        self._waiting += _size(received)
        self._in.notify()
        return True

    async def next_frame(self) -> Frame | None:
        while not self._outbox and self._closed is None:
            await self._out.wait()
        if not self._outbox:
            return None
        frame = self._outbox.popleft()
        self._out.notify()
        return frame

    def disconnect(self, code: int = 1006, reason: str = "") -> None:
        """The client has gone, in good order or not."""
        if self._closed is None:
            self._outbox.clear()
            self._finish(code, reason)

    def give_notice(self) -> None:
        self._refuse_or_close(503, SERVICE_RESTART, "the plugin restarts; connect again")

    def cut(self) -> None:
        self.give_notice()
        if self._task is not None:
            self._task.cancel()


def _pieces(message: Message) -> list[Frame]:
    text = message.get("text")
    data = text.encode() if text is not None else bytes(message.get("bytes") or b"")
    starts = range(0, max(len(data), 1), _PIECE)
    return [
        Frame(
            websocket_message=http_pb2.WebSocketMessage(
                data=data[at : at + _PIECE], text=text is not None, more=at + _PIECE < len(data)
            )
        )
        for at in starts
    ]


def _size(message: Message) -> int:
    """Of a message in the queue: bytes, or characters, which is near enough for a bound."""
    return len(message.get("text") or message.get("bytes") or b"")


def _short(reason: str) -> str:
    """RFC 6455 leaves 123 bytes for a reason."""
    return reason.encode()[:123].decode(errors="ignore")
