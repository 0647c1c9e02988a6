"""The messages of ``ReadBody`` as they come in: the bytes of a body, without waiting for a whole message.

A message that holds nothing else begins with the field ``chunk`` and its length, so what follows can be
passed on as it is. Sizes in bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import DecodeError
from plugway.plugin.v1.http_pb2 import HttpHeader
from plugway.plugin.v1.plugin_pb2 import ReadBodyResponse

from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.wire.frames import UINT

MAX_MESSAGE = 16 * 2**20
"""Longest message, as for all others from a plugin."""

MAX_OTHER = 2**20
"""Longest message, or end of one, that has to be there as a whole: trailers, and fields out of order."""

_PREFIX = 5
_CHUNK = bytes([ReadBodyResponse.CHUNK_FIELD_NUMBER << 3 | 2])
_LONGEST_HEAD = _PREFIX + 1 + 4
"""Prefix, tag and length of a chunk: four bytes hold any length below :data:`MAX_MESSAGE`."""


class BodyParts:
    """Feed it what comes; :meth:`take` has what was body in it. Raises :class:`CallFailed` for garbage."""

    __slots__ = ("_after", "_begun", "_chunk", "_other", "_parts", "held", "trailers")

    def __init__(self) -> None:
        self._parts: list[bytes | memoryview] = []
        # What is to come of this message: bytes of its chunk, and how long whatever else is.
        self._chunk = 0
        self._other = 0
        # The beginning of that, or of a message whose head is not known yet.
        self._begun = b""
        self._after = False
        self.held = 0
        self.trailers: Sequence[HttpHeader] = ()

    @property
    def between(self) -> bool:
        """Whether no message is unfinished."""
        return not (self._begun or self._chunk or self._other)

    def take(self) -> bytes:
        """All that came of the body since, in one piece."""
        parts = self._parts
        if not parts:
            return b""
        taken = bytes(parts[0]) if len(parts) == 1 else b"".join(parts)
        self._parts = []
        self.held = 0
        return taken

    def _keep(self, part: bytes | memoryview) -> None:
        if isinstance(part, memoryview) and 2 * len(part) < memoryview(part.obj).nbytes:
            # Else one that nobody reads would hold more of what was read than it is itself.
            part = bytes(part)
        self.held += len(part)
        self._parts.append(part)

    def feed(self, data: bytes | memoryview) -> None:
        """Views are of ``bytes`` that do not change."""
        size = len(data)
        if self._chunk >= size:
            # In a long transfer nearly everything comes this way.
            self._chunk -= size
            self._keep(data)
            return
        at = 0
        while at < size:
            if self._chunk:
                end = min(size, at + self._chunk)
                self._chunk -= end - at
                self._keep(data[at:end])
                at = end
            elif self._other:
                end = min(size, at + self._other - len(self._begun))
                self._begun += data[at:end]
                at = end
                if len(self._begun) == self._other:
                    self._whole()
            else:
                at = self._head(data, at)

    def _head(self, data: bytes | memoryview, at: int) -> int:
        """Read the head of a message; returns where to go on in ``data``."""
        before = len(self._begun)
        head = self._begun + data[at : at + _LONGEST_HEAD - before]
        if len(head) < _PREFIX:
            self._begun = head
            return len(data)
        length = UINT.unpack_from(head, 1)[0]
        if head[0] or length > MAX_MESSAGE:
            raise _garbage("sent a message that is too long, or compressed")
        tag = head[_PREFIX : _PREFIX + 1]
        read = _length(head) if length and tag == _CHUNK else None
        if read is not None:
            self._chunk, end = read
            self._after = True
            self._expect(length - (end - _PREFIX) - self._chunk)
        elif len(head) < min(_LONGEST_HEAD, _PREFIX + length) and head[_PREFIX : _PREFIX + 1] in (
            b"",
            _CHUNK,
        ):
            self._begun = head
            end = len(head)
        else:
            # It does not begin with a chunk.
            end = min(len(head), _PREFIX + length)
            self._after = False
            self._expect(length, head[_PREFIX:end])
        return at + end - before

    def _expect(self, size: int, begun: bytes = b"") -> None:
        """So much of this message, without its chunk, is taken as a whole."""
        if size < 0:
            raise _not_agreed()
        if size > MAX_OTHER:
            raise _garbage("sent trailers that are too long")
        self._begun, self._other = begun, size
        if size and len(begun) == size:
            self._whole()

    def _whole(self) -> None:
        data, self._begun, self._other = self._begun, b"", 0
        try:
            message = ReadBodyResponse.FromString(data)
        except DecodeError:
            raise _not_agreed() from None
        if message.chunk:
            if self._after:
                # Of a field that comes twice the last one counts, and the first is on its way.
                raise _not_agreed()
            self.held += len(message.chunk)
            self._parts.append(message.chunk)
        if message.trailers:
            self.trailers = message.trailers


def _length(head: bytes) -> tuple[int, int] | None:
    """Length of the chunk, and where its head ends; None where that is not here, or longer than need be."""
    value = 0
    for place, byte in enumerate(head[_PREFIX + 1 : _LONGEST_HEAD]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, _PREFIX + 2 + place
    return None


def _not_agreed() -> CallFailed:
    return _garbage("went on with something else than the contract says")


def _garbage(words: str) -> CallFailed:
    return CallFailed(Failure.GARBAGE, words)
