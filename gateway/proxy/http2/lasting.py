"""h2 that outlives a GOAWAY: it says that no new calls are taken, and those that run go on to their end."""

from __future__ import annotations

from h2.connection import H2Connection
from h2.events import ConnectionTerminated, Event
from hyperframe.frame import Frame, GoAwayFrame


class LastingConnection(H2Connection):
    """h2 itself takes and sends nothing more after one (against RFC 9113, 6.8)."""

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Event]]:
        event = ConnectionTerminated()
        event.error_code = frame.error_code
        event.last_stream_id = frame.last_stream_id
        return [], [event]
