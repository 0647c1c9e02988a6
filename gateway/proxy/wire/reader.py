"""Taking frames out of what a connection receives, and header blocks out of their frames."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from struct import error as StructError  # noqa: N812  it is an exception

from gateway.proxy.wire.frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    FRAME,
    FRAME_LIMIT,
    HEADERS,
    without_padding,
)
from gateway.proxy.wire.hpack import BadBlock

_BLOCK_LIMIT = 65536


class FrameReader(asyncio.Protocol):
    """Calls a method for each whole frame; whatever breaks the protocol ends in ``_break``."""

    longest_frame = FRAME_LIMIT
    """What the peer was told, in bytes."""

    def __init__(self) -> None:
        self._buffer = b""
        self._unfinished: tuple[int, int, bytes] | None = None

    @abstractmethod
    def _on_data(self, stream_id: int, flags: int, payload: bytes) -> None: ...

    @abstractmethod
    def _on_block(self, stream_id: int, flags: int, block: bytes) -> None: ...

    @abstractmethod
    def _on_control(self, kind: int, stream_id: int, flags: int, payload: bytes) -> None: ...

    @abstractmethod
    def _break(self, why: str) -> None: ...

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        at, size = 0, len(data)
        try:
            while size - at >= 9:
                word, flags, stream_id = FRAME.unpack_from(data, at)
                length = word >> 8
                if length > self.longest_frame:
                    raise BadBlock("frame beyond the limit")
                end = at + 9 + length
                if end > size:
                    break
                kind = word & 0xFF
                payload = data[at + 9 : end]
                at = end
                if kind == DATA:
                    self._on_data(stream_id, flags, payload)
                elif kind == HEADERS:
                    self._on_headers(stream_id, flags, payload)
                elif kind == CONTINUATION:
                    self._on_continuation(stream_id, flags, payload)
                else:
                    self._on_control(kind, stream_id, flags, payload)
        except (BadBlock, IndexError, StructError) as error:
            self._break(str(error))
            return
        self._buffer = data[at:]

    def _on_headers(self, stream_id: int, flags: int, payload: bytes) -> None:
        if self._unfinished is not None:
            raise BadBlock("frames within a header block")
        block = without_padding(flags, payload)
        if flags & END_HEADERS:
            self._on_block(stream_id, flags, block)
        else:
            self._unfinished = (stream_id, flags, block)

    def _on_continuation(self, stream_id: int, flags: int, payload: bytes) -> None:
        if self._unfinished is None or self._unfinished[0] != stream_id:
            raise BadBlock("continuation of nothing")
        _, first_flags, block = self._unfinished
        block += payload
        if len(block) > _BLOCK_LIMIT or not payload:
            raise BadBlock("header block beyond the limit")
        self._unfinished = (stream_id, first_flags, block)
        if flags & END_HEADERS:
            self._unfinished = None
            self._on_block(stream_id, first_flags, block)
