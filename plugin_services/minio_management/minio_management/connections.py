"""The servers that are set, and whether they answer."""

from __future__ import annotations

import json
import time

from minio.error import MinioAdminException
from plugway_sdk.web.connections import ConnectionName, ConnectionTest
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal, new_router
from pydantic import Field

from minio_management.dependencies import LinksOf
from minio_management.s3 import Clients

router = new_router("connections")


class ConnectionView(ApiModel):
    """What is set; nothing is asked of the server."""

    name: str
    address: str
    tls: bool
    access_key: str
    read_only: bool


class ConnectionViews(ApiModel):
    """All of them by name; refused where there is none."""

    connections: list[ConnectionView]
    default: str


class TestResult(ConnectionTest):
    """Whether the server answers, in words."""

    __test__ = False  # not a test, whatever pytest thinks of the name

    administration: bool = Field(
        default=False, description="Whether this access key may also see to the server itself."
    )


@router.get("/connections")
async def list_connections(links: LinksOf) -> ConnectionViews:
    """Which servers this is about."""
    links.pick("")
    views = [
        ConnectionView(
            name=name,
            address=str(connection.address),
            tls=connection.address.tls,
            access_key=connection.access_key,
            read_only=connection.read_only,
        )
        for name, connection in sorted(links.settings.connections.items())
    ]
    return ConnectionViews(connections=views, default=links.settings.first)


@router.post("/connection/test")
async def try_connection(links: LinksOf, connection: ConnectionName = "") -> TestResult:
    """Connect anew and log in; says in words what is wrong. Changes nothing."""
    link = links.fresh(connection)
    began = time.perf_counter()
    try:
        await link.run(lambda clients: clients.s3.list_buckets())
        taken = (time.perf_counter() - began) * 1000
        administration = await link.run(_administers)
    except Refusal as refusal:
        return TestResult(ok=False, message=refusal.detail, hint=refusal.hint)
    finally:
        link.close()
    words = f"MinIO at {link.connection.address} answers."
    return TestResult(ok=True, message=words, milliseconds=round(taken, 2), administration=administration)


def _administers(clients: Clients) -> bool:
    try:
        return bool(json.loads(clients.admin.info()).get("mode"))
    except (MinioAdminException, ValueError):
        return False
