"""A stream of messages over a Unix socket, and the listening socket that goes along with it."""

from __future__ import annotations

import asyncio
import socket

from gateway.workers.messages import HEAD_BYTES, Message, decode, encode, head

_MARK = b"P"
_MOST_UNSENT = 8 * 2**20


class Stream:
    """Messages both ways. Writing never waits: a peer that takes nothing is soon cut off by its silence."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> Message | None:
        """The next message; None at the end. Raises :class:`~gateway.workers.messages.Garbled`."""
        try:
            length, kind = head(await self._reader.readexactly(HEAD_BYTES))
            return decode(kind, await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError):
            return None

    def send(self, message: Message) -> None:
        self.write(encode(message))

    def write(self, frame: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(frame)

    @property
    def stuffed(self) -> bool:
        """Whether so much is unsent that what can wait should not be added."""
        return self._writer.transport.get_write_buffer_size() > _MOST_UNSENT

    async def flush(self) -> None:
        """Returns when what was written is on its way, or cannot be sent any more."""
        try:
            await self._writer.drain()
        except OSError:
            return

    async def close(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return

    def abort(self) -> None:
        self._writer.transport.abort()


async def connect(path: str, listener: socket.socket) -> Stream:
    """Connect to the control process and hand it a copy of the listening socket. Raises OSError.

    A control process that was started anew has no other way to it.
    """
    peer = socket.socket(socket.AF_UNIX)
    try:
        peer.setblocking(False)
        await asyncio.get_running_loop().sock_connect(peer, path)
        # The first bytes on a fresh connection: they fit.
        socket.send_fds(peer, [_MARK], [listener.fileno()])
        reader, writer = await asyncio.open_unix_connection(sock=peer)
    except BaseException:
        peer.close()
        raise
    return Stream(reader, writer)


async def accept(peer: socket.socket) -> tuple[Stream, socket.socket | None]:
    """The control process's side of :func:`connect`, for a connection that was accepted. Raises OSError."""
    try:
        peer.setblocking(False)
        await _readable(peer)
        _, descriptors, _, _ = socket.recv_fds(peer, len(_MARK), 1)
        listener = socket.socket(fileno=descriptors[0]) if descriptors else None
        reader, writer = await asyncio.open_unix_connection(sock=peer)
    except BaseException:
        peer.close()
        raise
    return Stream(reader, writer), listener


async def _readable(peer: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def come() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(peer.fileno(), come)
    try:
        async with asyncio.timeout(10):
            await ready
    finally:
        loop.remove_reader(peer.fileno())
