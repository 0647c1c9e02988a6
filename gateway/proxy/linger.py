"""The end of an HTTP/1.1 connection whose client is still sending: what it sends is read, and thrown away.

A socket that is closed with bytes that nobody read is reset, and the reset may overtake the answer (RFC 9112,
9.6): the client of an upload that was refused would see a broken connection in place of the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol


class Serving(Protocol):
    """The protocol that answers."""

    def connection_lost(self, exc: Exception | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class Lingering:
    """A connection's transport, as the protocol that answers uses it; costs its calls nothing."""

    quiet = 2.0
    """Seconds of silence after which a client is taken to have read its answer."""
    longest = 10.0
    """Seconds after which the connection is closed also while the client sends."""

    def __init__(self, transport: asyncio.Transport, protocol: Serving, sends: Callable[[], bool]) -> None:
        """``sends`` says whether more is to come of the request that was answered."""
        self._transport = transport
        self._protocol = protocol
        self._sends = sends
        self._over = False
        self.write = transport.write
        self.writelines = transport.writelines
        self.get_write_buffer_size = transport.get_write_buffer_size
        self.is_closing: Callable[[], bool] = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        if self._over or self._transport.is_closing() or not self._sends():
            self._transport.close()
        else:
            self.linger()

    def linger(self) -> None:
        """Nothing more is written; the connection is closed when the client is silent or gone."""
        self._over = True
        self.is_closing = _yes
        self._transport.set_protocol(_Rest(self._transport, self._protocol, self.quiet, self.longest))
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._transport.resume_reading()

    def hurry(self) -> None:
        """From now on it is closed at once."""
        self._over = True


class _Rest(asyncio.Protocol):
    """What comes after the answer."""

    def __init__(self, transport: asyncio.Transport, protocol: Serving, quiet: float, longest: float) -> None:
        self._transport = transport
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._quiet = quiet
        self._end = self._loop.time() + longest
        self._heard = False
        self._timer = self._loop.call_later(self._quiet, self._look)

    def data_received(self, data: bytes) -> None:
        self._heard = True

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._protocol.connection_lost(exc)

    def _look(self) -> None:
        if not self._heard or self._loop.time() >= self._end:
            self._transport.close()
            return
        self._heard = False
        self._timer = self._loop.call_later(self._quiet, self._look)


def _yes() -> bool:
    return True
