"""urllib3's connections by the gateway's relay, for blocking client libraries that take a pool manager.

Needs ``urllib3``, which such libraries bring along.
"""

from __future__ import annotations

import socket
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from plugway_sdk import egress

__all__ = ["GrantedPoolManager"]


class _Granted(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        if egress.relay() is None:
            return super()._new_conn()
        seconds = self.timeout if isinstance(self.timeout, int | float) else egress.CONNECT_TIMEOUT
        try:
            return egress.connect(self._dns_host, self.port, seconds)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"Connection to {self.host} timed out.") from error
        except OSError as error:
            raise NewConnectionError(self, f"Failed to establish a new connection: {error}") from error


class _GrantedTls(_Granted, HTTPSConnection):
    """The same with TLS, end to end: the certificate has to be the destination's."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Granted


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _GrantedTls


class GrantedPoolManager(PoolManager):
    """urllib3's PoolManager, whose connections open through :mod:`plugway_sdk.egress`.

    What was not granted is a ``NewConnectionError`` caused by an ``EgressRefused``, with the relay's words.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
