"""The rest of an answer: one message out, the bytes of a body in. Sizes in bytes, times in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from plugway.plugin.v1.http_pb2 import HttpHeader

from gateway.proxy.wire.incoming import LONG_WINDOW, Carrier, Incoming
from gateway.proxy.wire.parts import BodyParts

READ_BODY = b"/plugway.plugin.v1.PluginService/ReadBody"
WINDOW = 256 * 1024
"""What a plugin may send on one stream ahead of its client."""

_LONG = 4 * WINDOW
"""What a client took shows a long answer, and that it is taken."""


class BodyStream(Incoming):
    """One call of ``ReadBody``."""

    __slots__ = ("_parts", "_taken")

    def __init__(self, carrier: Carrier, credit: int) -> None:
        self._parts = BodyParts()
        super().__init__(carrier, self._parts, credit)
        self._taken = 0

    @property
    def trailers(self) -> Sequence[HttpHeader]:
        """What the last message had of them."""
        return self._parts.trailers

    async def read(self, idle: float) -> bytes | None:
        """All that came of the body since; None at its end.

        Raises :class:`CallFailed`, too after ``idle`` of silence.
        """
        while True:
            taken = self._parts.take()
            if self._failed is None and not self._ended:
                self._taken += len(taken)
                self._widen_to(self._carrier.window if self._taken < _LONG else LONG_WINDOW)
            if taken:
                return taken
            if self._failed is not None:
                raise self._failed
            if self._ended:
                return None
            self._silence, self.deadline = idle, self._carrier.deadline_of(idle)
            try:
                await self._wait()
            finally:
                self.deadline = inf

    def close(self) -> None:
        super().close()
        self._parts = self._assembly = BodyParts()
