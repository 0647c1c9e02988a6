"""Long bodies up and down by a socket that blocks, in a thread of its own.

A load on an event loop would make an object of each part, which costs about as much as what is measured.
"""

from __future__ import annotations

import asyncio
import socket
from types import TracebackType

import httptools

from tests.benchmarks.cases import MIB

_SECONDS = 120.0


class WrongAnswer(RuntimeError):
    """A peer answered something else than a whole 200."""


class Transfers:
    """One connection with one call at a time. Sizes in bytes."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _SECONDS)
        self._buffer = memoryview(bytearray(MIB))
        self._complete = False
        # Without on_body it makes no bytes of what comes.
        self._parser = httptools.HttpResponseParser(self)

    def __enter__(self) -> Transfers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    async def call(self, head: bytes, body: int = 0) -> None:
        """Send a request with ``body`` bytes, and take the whole answer; raises :class:`WrongAnswer`."""
        await asyncio.to_thread(self._call, head, body)

    def _call(self, head: bytes, body: int) -> None:
        self._complete = False
        self._socket.sendall(head)
        while body > 0:
            size = min(body, len(self._buffer))
            self._socket.sendall(self._buffer[:size])
            body -= size
        while not self._complete:
            size = self._socket.recv_into(self._buffer)
            if not size:
                raise WrongAnswer("closed the connection within a call")
            self._parser.feed_data(self._buffer[:size])
        if (status := self._parser.get_status_code()) != 200:
            raise WrongAnswer(f"answered {status}")

    def on_message_complete(self) -> None:
        self._complete = True
