"""Connections to Redis by the way that the gateway granted: its relay in a container, else directly."""

from __future__ import annotations

from plugway_sdk import egress
from redis.asyncio import Connection, SSLConnection


class Granted(Connection):
    """redis-py's connection, opened by :mod:`plugway_sdk.egress`."""

    async def _connect(self) -> None:
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
