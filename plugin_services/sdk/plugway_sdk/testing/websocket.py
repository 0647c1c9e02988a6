"""A WebSocket to the plugin, as frames of Exchange."""

from __future__ import annotations

import json
from typing import Any

import grpc
from plugway.plugin.v1 import http_pb2, plugin_pb2

from plugway_sdk.testing.answers import Headers

Request = plugin_pb2.ExchangeRequest


class WebSocketRefused(Exception):
    """The plugin answered the upgrade with an HTTP status."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"refused with {status}: {body[:500]!r}")
        self.status_code = status
        self.content = body


class WebSocketClosed(Exception):
    """The plugin closed it."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code} {reason}")
        self.code = code
        self.reason = reason


class WebSocketSession:
    """An open WebSocket. ``receive*`` raise WebSocketClosed once the plugin has closed it."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self.subprotocol = ""
        self.headers = Headers(())

    async def open(self, opening: http_pb2.WebSocketOpen) -> None:
        """Raises WebSocketRefused."""
        await self._call.write(Request(websocket_start=opening))
        frame = await self._read()
        if frame.HasField("http_start"):
            body, end = b"", False
            while not end:
                part = (await self._read()).body
                body, end = body + part.data, part.end
            raise WebSocketRefused(frame.http_start.status, body)
        self.subprotocol = frame.websocket_accept.subprotocol
        self.headers = Headers(frame.websocket_accept.headers)

    async def send(self, data: str | bytes) -> None:
        text = isinstance(data, str)
        raw = data.encode() if isinstance(data, str) else data
        await self._call.write(Request(websocket_message=http_pb2.WebSocketMessage(data=raw, text=text)))

    async def send_json(self, value: Any) -> None:
        await self.send(json.dumps(value))

    async def receive(self) -> str | bytes:
        data = b""
        while True:
            frame = await self._read()
            if frame.HasField("websocket_close"):
                raise WebSocketClosed(frame.websocket_close.code, frame.websocket_close.reason)
            data += frame.websocket_message.data
            if not frame.websocket_message.more:
                return data.decode() if frame.websocket_message.text else data

    async def receive_json(self) -> Any:
        return json.loads(await self.receive())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._call.write(Request(websocket_close=http_pb2.WebSocketClose(code=code, reason=reason)))
        await self._call.done_writing()

    async def _read(self) -> plugin_pb2.ExchangeResponse:
        frame = await self._call.read()
        if frame is grpc.aio.EOF:
            raise WebSocketClosed(1006, f"the stream ended: {await self._call.details()}")
        assert isinstance(frame, plugin_pb2.ExchangeResponse)
        return frame
