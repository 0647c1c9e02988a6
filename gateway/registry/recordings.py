"""Calls as the data planes write them down, on their way to whoever asked for that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

CLEARED = "[cleared]"
"""What stands in a recording for what must not be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedBody:
    """``size`` and ``sha256`` (hex) are of the whole; ``content`` is None where it was too much to keep."""

    size: int
    sha256: str
    content: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """One call as the plugin met it, and what it answered.

    ``at`` is Unix time, ``took`` seconds until the answer began. ``user`` is empty where nobody was known.
    ``status`` is 0 where no answer began, ``broken`` says why one did not come to its end.
    """

    recording: str
    at: float
    took: float
    user: str
    role: str
    release: str
    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: RecordedBody
    status: int
    answer_headers: tuple[tuple[bytes, bytes], ...]
    answer: RecordedBody
    broken: str = ""


Sink = Callable[[RecordedCall | int], None]
"""Takes a call, or how many there was no room for."""


class RecordingBoard:
    """Where calls are put by the data plane of this process, or by what hears of those of others."""

    def __init__(self) -> None:
        self._sinks: dict[str, Sink] = {}

    def open(self, recording: str, sink: Sink) -> Callable[[], None]:
        """Hand the calls of that recording to ``sink``; returns how to stop that."""
        self._sinks[recording] = sink
        return lambda: self._sinks.pop(recording, None) and None

    def put(self, call: RecordedCall) -> None:
        if sink := self._sinks.get(call.recording):
            sink(call)

    def miss(self, recording: str, calls: int = 1) -> None:
        """So many calls could not be kept."""
        if sink := self._sinks.get(recording):
            sink(calls)
