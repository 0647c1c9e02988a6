"""Counts the frames that come in before anything acts on them: floods end here. Pure.

What is cheap to send and costs the receiver work, or moves no call on, is paid from an
allowance that fills with time (CVE-2023-44487 and its kin: rapid resets, pings, settings,
empty frames, endless CONTINUATION). Limits in bytes and frames.
"""

from __future__ import annotations

DATA, HEADERS, RST_STREAM, SETTINGS, CONTINUATION = 0, 1, 3, 4, 9
_HEAD = 9
_PREFACE = 24
_END_STREAM, _END_HEADERS = 0x1, 0x4
_EARNED_BY_DATA = 2
"""A client widens two windows for a frame of data that it got: its stream's and the connection's."""


class Flooded(Exception):
    """The client asks for too much work; the message says of what."""


class Allowance:
    """``most`` at the beginning and at most, ``rate`` more each second."""

    __slots__ = ("_at", "_left", "_most", "_rate")

    def __init__(self, most: float, rate: float, now: float) -> None:
        self._most = self._left = most
        self._rate = rate
        self._at = now

    def spend(self, cost: float, now: float) -> bool:
        """Whether it was there to be spent."""
        self._left = min(self._most, self._left + (now - self._at) * self._rate) - cost
        self._at = now
        return self._left >= 0

    def earn(self, amount: float) -> None:
        self._left = min(self._most, self._left + amount)


class FrameMeter:
    """Follows one client's bytes from frame to frame.

    ``progress`` grows with each frame, or head, that is complete; ``pending`` says that
    one is begun and not complete.
    """

    __slots__ = ("_block", "_control", "_head", "_left", "_max_block", "_resets", "progress")

    def __init__(self, max_block: int, now: float) -> None:
        self._control = Allowance(1000, 100, now)
        self._resets = Allowance(200, 20, now)
        self._max_block = max_block
        self._left = _PREFACE
        self._head = b""
        self._block = -1
        self.progress = 0

    @property
    def pending(self) -> bool:
        return bool(self._left or self._head or self._block >= 0)

    def sent_data(self, frames: int) -> None:
        """The client got frames of data, for which it will answer with frames of its own."""
        self._control.earn(_EARNED_BY_DATA * frames)

    def take(self, data: bytes, now: float) -> None:
        """Count what is in ``data``; raises :class:`Flooded`."""
        at, size = 0, len(data)
        while at < size:
            if self._left:
                step = min(self._left, size - at)
                self._left -= step
                at += step
                if not self._left and self._block < 0:
                    self.progress += 1
                continue
            head = self._head + data[at : at + _HEAD - len(self._head)]
            at += len(head) - len(self._head)
            if len(head) < _HEAD:
                self._head = head
                return
            self._head = b""
            self._begin(int.from_bytes(head[:3], "big"), head[3], head[4], now)

    def _begin(self, length: int, kind: int, flags: int, now: float) -> None:
        self._left = length
        if kind in (HEADERS, CONTINUATION):
            self._count_block(length, kind, flags, now)
        elif kind == RST_STREAM:
            self._spend(self._resets, 1, "resets of its calls", now)
        elif kind != DATA:
            self._spend(self._control, 10 if kind == SETTINGS else 1, "frames that carry no call", now)
        elif not length and not flags & _END_STREAM:
            self._spend(self._control, 1, "empty frames", now)
        if not length and self._block < 0:
            self.progress += 1

    def _count_block(self, length: int, kind: int, flags: int, now: float) -> None:
        if kind == CONTINUATION:
            self._spend(self._control, 1, "parts of heads", now)
        self._block = length + max(self._block, 0)
        if self._block > self._max_block:
            raise Flooded(f"a head of more than {self._max_block} bytes")
        if flags & _END_HEADERS:
            self._block = -1

    def _spend(self, allowance: Allowance, cost: float, what: str, now: float) -> None:
        if not allowance.spend(cost, now):
            raise Flooded(f"too many {what}")
