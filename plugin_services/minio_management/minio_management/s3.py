"""MinIO's own client library, by the way that the gateway granted.

A client for looking cannot send anything else than GET and HEAD, whoever calls what of it.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any

import certifi
from minio import Minio, MinioAdmin
from minio.credentials.providers import StaticProvider
from minio.datatypes import Object, parse_list_objects
from plugway_sdk.egress_urllib3 import GrantedPoolManager
from urllib3 import Timeout

from minio_management.settings import Connection

READING = frozenset(("GET", "HEAD"))
REGION = "us-east-1"
"""MinIO's where none is set; also what the administrative calls are signed for."""


@dataclass(frozen=True)
class Listed:
    """A page of a listing; ``token`` and ``version`` say where the next begins, empty at the end."""

    entries: list[Object]
    token: str
    version: str


class S3(Minio):
    """The client with pages that a caller may come back to."""

    def page(self, bucket: str, prefix: str, token: str, limit: int, *, flat: bool) -> Listed:
        """Some objects in the order of their names; folders are entries with a name only."""
        query = {"list-type": "2", "encoding-type": "url", "max-keys": str(limit), "prefix": prefix}
        query["delimiter"] = "" if flat else "/"
        if token:
            query["continuation-token"] = token
        return self._page(bucket, query)

    def version_page(
        self, bucket: str, prefix: str, after: tuple[str, str], limit: int, *, flat: bool = True
    ) -> Listed:
        """The same with all versions and delete markers; ``after`` is a name and a version."""
        query = {"versions": "", "encoding-type": "url", "max-keys": str(limit), "prefix": prefix}
        query["delimiter"] = "" if flat else "/"
        if after[0]:
            query["key-marker"] = after[0]
        if after[1]:
            query["version-id-marker"] = after[1]
        return self._page(bucket, query)

    def _page(self, bucket: str, query: dict[str, str]) -> Listed:
        answer = self._execute("GET", bucket, query_params=dict(query))
        entries, more, token, version = parse_list_objects(answer)
        return Listed(entries, (token or "") if more else "", (version or "") if more else "")


class Clients:
    """Both clients of one connection, over one pool. Made in a thread: certificates are read from files."""

    def __init__(self, connection: Connection, *, writing: bool) -> None:
        address = connection.address
        self.pool = _pool(connection, writing=writing)
        credentials = StaticProvider(connection.access_key, connection.secret_key.get_secret_value())
        self.s3 = S3(
            str(address),
            secure=address.tls,
            region=connection.region or None,
            credentials=credentials,
            http_client=self.pool,
        )
        self.admin = MinioAdmin(
            endpoint=str(address),
            credentials=credentials,
            region=connection.region or REGION,
            secure=address.tls,
            http_client=self.pool,
        )

    def close(self) -> None:
        self.pool.clear()


class _Pool(GrantedPoolManager):
    """Never repeats and never follows: both are for whoever calls to decide."""

    def urlopen(self, method: str, url: str, redirect: bool = True, **rest: Any) -> Any:  # type: ignore[override] # urllib3's own
        return super().urlopen(method, url, redirect=False, **{**rest, "retries": False})


class _ReadingPool(_Pool):
    def urlopen(self, method: str, url: str, redirect: bool = True, **rest: Any) -> Any:  # type: ignore[override] # urllib3's own
        if method not in READING:
            raise PermissionError(f"{method} is not a reading call")
        return super().urlopen(method, url, redirect, **rest)


def _pool(connection: Connection, *, writing: bool) -> _Pool:
    keywords: dict[str, Any] = {}
    if connection.address.tls:
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
        if connection.ca_certificate:
            context.load_verify_locations(cadata=connection.ca_certificate)
        keywords["ssl_context"] = context
    times = Timeout(connect=connection.connect_timeout, read=connection.answer_timeout)
    return (_Pool if writing else _ReadingPool)(timeout=times, maxsize=16, **keywords)
