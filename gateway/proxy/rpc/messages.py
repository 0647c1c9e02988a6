"""Messages of gRPC for the services that the gateway itself has: each behind five bytes (flag, length)."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

from gateway.errors import PlugwayError
from gateway.proxy.body import ClientLeft
from gateway.proxy.headers import Pairs
from gateway.proxy.problems import BodyTooLarge, BodyTooSlow
from gateway.proxy.rpc.call import refusal, send_at_once
from gateway.proxy.rpc.status import NotUnderstood, trailers_of

_PREFIX = struct.Struct(">BI")
_LONGEST = 64 * 1024


class Conversation:
    """One call of the gateway's own. ``idle`` seconds without a message from the client end it."""

    def __init__(self, receive: Any, send: Any, request_id: str, idle: float) -> None:
        self._receive = receive
        self._send = send
        self._request_id = request_id
        self._idle = idle
        self._buffer = bytearray()
        self._ended = False
        self._begun = False

    async def read(self) -> bytes | None:
        """The next message, or None at the end; raises ClientLeft and ``PlugwayError``."""
        while True:
            if len(self._buffer) >= _PREFIX.size:
                flag, length = _PREFIX.unpack_from(self._buffer)
                if flag:
                    raise NotUnderstood("Messages for the gateway itself must not be compressed.")
                if length > _LONGEST:
                    raise BodyTooLarge(f"A message for the gateway itself may have {_LONGEST} bytes at most.")
                if len(self._buffer) >= _PREFIX.size + length:
                    message = bytes(self._buffer[_PREFIX.size : _PREFIX.size + length])
                    del self._buffer[: _PREFIX.size + length]
                    return message
            if self._ended:
                return None
            await self._more()

    async def _more(self) -> None:
        try:
            async with asyncio.timeout(self._idle):
                message = await self._receive()
        except TimeoutError:
            raise BodyTooSlow(f"Nothing came for {self._idle:g} seconds.") from None
        if message["type"] == "http.disconnect":
            raise ClientLeft
        self._buffer += message.get("body", b"")
        self._ended = not message.get("more_body", False)

    async def client_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def write(self, message: bytes) -> None:
        if not self._begun:
            self._begun = True
            headers: Pairs = [
                (b"content-type", b"application/grpc"),
                (b"grpc-accept-encoding", b"identity"),
                (b"x-request-id", self._request_id.encode()),
            ]
            await self._send(
                {"type": "http.response.start", "status": 200, "headers": headers, "trailers": True}
            )
        data = _PREFIX.pack(0, len(message)) + message
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, error: PlugwayError | None = None) -> None:
        if not self._begun and error is not None:
            fields = refusal(error, self._request_id)
            await send_at_once(self._send, [*fields, (b"grpc-accept-encoding", b"identity")])
            return
        trailers = [(b"grpc-status", b"0")] if error is None else trailers_of(error)
        if not self._begun:
            fields = [(b"content-type", b"application/grpc"), *trailers]
            await send_at_once(self._send, fields)
            return
        await self._send({"type": "http.response.trailers", "headers": trailers})
