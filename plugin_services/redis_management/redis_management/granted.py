"""Connections to Redis by the way that the gateway granted: its relay in a container, else directly."""

from __future__ import annotations

from typing import Any

from plugway_sdk import egress
from redis.asyncio import Connection, SSLConnection
from redis.exceptions import RedisError


class AnswerTooLarge(RedisError):
    """More bytes came than the connection takes."""


class Counted:
    """A stream that gives up where too much comes."""

    def __init__(self, stream: Any, left: int) -> None:
        self._stream, self._left = stream, left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise AnswerTooLarge

    async def read(self, size: int = -1) -> bytes:
        part: bytes = await self._stream.read(size)
        self._count(len(part))
        return part

    async def readexactly(self, size: int) -> bytes:
        # Before it is read: it would all be in memory.
        self._count(size)
        whole: bytes = await self._stream.readexactly(size)
        return whole

    async def readline(self) -> bytes:
        line: bytes = await self._stream.readline()
        self._count(len(line))
        return line


class Granted(Connection):
    """redis-py's connection, opened by :mod:`plugway_sdk.egress`.

    ``largest`` bounds the bytes of all answers; beyond it, AnswerTooLarge.
    """

    largest: int | None = None

    async def _connect(self) -> None:
        await self._open()
        if self.largest is not None:
            self._reader = Counted(self._reader, self.largest)  # type: ignore[assignment] # what its parser asks of it

    async def _open(self) -> None:
        if egress.relay() is None:
            await super()._connect()  # type: ignore[no-untyped-call] # redis-py's
            return
        # With ``ssl`` for rediss://, which checks the certificate against Redis' own name.
        arguments = self._connection_arguments()
        self._reader, self._writer = await egress.open_connection(
            **arguments, timeout=self.socket_connect_timeout or egress.CONNECT_TIMEOUT
        )


class GrantedTls(Granted, SSLConnection):
    """The same with TLS, end to end."""
