"""Uploads and WebSockets: messages both ways, each as fast as the slower side. Sizes in bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Protocol

from google.protobuf.message import DecodeError, Message
from plugway.plugin.v1.http_pb2 import BodyChunk
from plugway.plugin.v1.plugin_pb2 import ExchangeRequest, ExchangeResponse

from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.wire.frames import DATA, END_STREAM, FRAME, MESSAGE, frame
from gateway.proxy.wire.incoming import Carrier, Incoming
from gateway.proxy.wire.parts import MAX_MESSAGE

EXCHANGE = b"/plugway.plugin.v1.PluginService/Exchange"
_PREFIX = MESSAGE.size
_SHORT = 4096
"""Up to this, making one piece of a frame costs less than handing over its parts."""

_BODY = bytes([ExchangeRequest.BODY_FIELD_NUMBER << 3 | 2])
_DATA = bytes([BodyChunk.DATA_FIELD_NUMBER << 3 | 2])

Piece = bytes | memoryview


class Sender(Carrier, Protocol):
    """The connection of an exchange."""

    @property
    def longest_sent(self) -> int:
        """Of a frame's payload."""
        ...

    @property
    def room(self) -> int:
        """What it takes now, of all its calls together."""
        ...

    def transmit(self, pieces: list[Piece], size: int) -> None:
        """Send frames that have ``size`` bytes of data."""
        ...

    def await_room(self, waiter: asyncio.Future[None]) -> None:
        """Have it set when there may be room again."""
        ...


class Messages:
    """Whole messages out of bytes as they come. Raises :class:`CallFailed` for what is none."""

    __slots__ = ("_begun", "_whole", "held")

    def __init__(self) -> None:
        self._begun = bytearray()
        self._whole: deque[bytes] = deque()
        self.held = 0

    @property
    def between(self) -> bool:
        return not self._begun

    def take(self) -> bytes | None:
        """The next one."""
        if not self._whole:
            return None
        message = self._whole.popleft()
        self.held -= _PREFIX + len(message)
        return message

    def feed(self, data: bytes) -> None:
        self.held += len(data)
        begun, at = self._begun, 0
        begun += data
        while len(begun) - at >= _PREFIX:
            compressed, length = MESSAGE.unpack_from(begun, at)
            if compressed or length > MAX_MESSAGE:
                raise CallFailed(Failure.GARBAGE, "sent a message that is too long, or compressed")
            end = at + _PREFIX + length
            if end > len(begun):
                break
            self._whole.append(bytes(begun[at + _PREFIX : end]))
            at = end
        del begun[:at]


class ExchangeStream(Incoming):
    """One call of ``Exchange``. One side sends, one receives; either may be cancelled at any time."""

    __slots__ = ("_messages", "_room", "_sender", "_turn", "said_all")

    def __init__(self, sender: Sender, credit: int, room: int) -> None:
        self._messages = Messages()
        super().__init__(sender, self._messages, credit)
        self._sender = sender
        # What the plugin takes of this call now.
        self._room = room
        self._turn: asyncio.Future[None] | None = None
        self.said_all = False

    @property
    def _over(self) -> bool:
        return self._ended or self._failed is not None

    # The connection's side

    def answered(self) -> None:
        super().answered()
        self._go_on()

    def finish(self) -> None:
        super().finish()
        self._go_on()

    def fail(self, failed: CallFailed) -> None:
        super().fail(failed)
        self._go_on()

    def widened(self, size: int) -> None:
        self._room += size
        self._go_on()

    def _go_on(self) -> None:
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)

    # The caller's side

    async def accepted(self) -> None:
        """Wait for the head of the answer, which an SDK sends at once, or for the end."""
        while not (self.begun or self._over):
            await self._pause(self._carrier.future())

    async def receive(self) -> ExchangeResponse | None:
        """The next message; None at the end. Raises :class:`CallFailed`."""
        while (message := self._messages.take()) is None:
            if self._failed is not None:
                raise self._failed
            if self._ended:
                return None
            # Also within a message, which may be longer than any window.
            self._widen_to(self._carrier.window)
            await self._wait()
        try:
            return ExchangeResponse.FromString(message)
        except DecodeError:
            raise CallFailed(Failure.GARBAGE, "answered with something else than the contract says") from None

    async def send(self, message: Message) -> None:
        """Raises :class:`CallFailed` where the call is over; :meth:`receive` tells how."""
        await self._send(message.SerializeToString())

    async def send_body(self, data: bytes) -> None:
        """A part of a body, which is not copied. Raises as :meth:`send`."""
        await self._send(body_head(len(data)), data)

    def send_end(self) -> None:
        """Nothing follows."""
        if not self._over:
            self.said_all = True
            self._sender.transmit([frame(DATA, END_STREAM, self.number)], 0)

    async def _send(self, head: bytes, data: bytes = b"") -> None:
        left = _PREFIX + len(head) + len(data)
        head = MESSAGE.pack(0, left - _PREFIX) + head
        pieces = deque((memoryview(head), memoryview(data)))
        while left:
            if self._over:
                raise CallFailed(Failure.LOST, "ended the call")
            size = min(left, self._room, self._sender.room)
            if size <= 0:
                turn = self._carrier.future()
                if self._sender.room <= 0:
                    self._sender.await_room(turn)
                await self._pause(turn)
                continue
            frames = list(self._frames(pieces, size))
            self._room -= size
            left -= size
            self._sender.transmit([b"".join(frames)] if size <= _SHORT else frames, size)

    def _frames(self, pieces: deque[memoryview], size: int) -> Iterator[Piece]:
        """``size`` bytes, taken from the beginning of ``pieces``."""
        longest = self._sender.longest_sent
        while size:
            within = min(size, longest)
            size -= within
            yield FRAME.pack(within << 8 | DATA, 0, self.number)
            while within:
                piece = pieces.popleft()
                if len(piece) > within:
                    pieces.appendleft(piece[within:])
                    piece = piece[:within]
                within -= len(piece)
                yield piece

    async def _pause(self, turn: asyncio.Future[None]) -> None:
        self._turn = turn
        try:
            await turn
        finally:
            self._turn = None


def body_head(size: int) -> bytes:
    """What stands before ``size`` bytes of a body in an ``ExchangeRequest`` that holds nothing else."""
    inner = _DATA + _varint(size)
    return _BODY + _varint(len(inner) + size) + inner


def _varint(number: int) -> bytes:
    """As protobuf writes lengths."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
