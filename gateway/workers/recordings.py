"""Calls that a worker wrote down, on their way to the control process."""

from __future__ import annotations

from collections.abc import Callable

from gateway.registry.recordings import RecordedCall, RecordingBoard
from gateway.workers.messages import Message, Recorded, Unrecorded


class ToldRecordings(RecordingBoard):
    """``tell`` says whether the message is on its way; calls that are not are told of with the next."""

    def __init__(self, tell: Callable[[Message], bool]) -> None:
        super().__init__()
        self._tell = tell
        self._missed: dict[str, int] = {}

    def put(self, call: RecordedCall) -> None:
        self._tell_missed(call.recording)
        if not self._tell(Recorded(call=call)):
            self.miss(call.recording)

    def miss(self, recording: str, calls: int = 1) -> None:
        # Recordings that are over are forgotten with the first such call of another.
        self._missed = {recording: self._missed.get(recording, 0) + calls}
        self._tell_missed(recording)

    def _tell_missed(self, recording: str) -> None:
        if (calls := self._missed.get(recording)) and self._tell(
            Unrecorded(recording=recording, calls=calls)
        ):
            del self._missed[recording]
