"""The servers that are set, and whether they answer."""

from __future__ import annotations

import time

from plugway_sdk.web.connections import ConnectionName, ConnectionTest
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal, new_router
from pydantic import Field

from redis_management.dependencies import LinksOf
from redis_management.info import facts_of

router = new_router("connections")


class ConnectionView(ApiModel):
    """What is set; nothing is asked of Redis."""

    name: str
    address: str
    kind: str = Field(description="server, cluster or sentinel.")
    database: int
    tls: bool
    username: str = Field(description="Empty for the default user.")
    read_only: bool


class ConnectionViews(ApiModel):
    """All of them by name; refused where there is none."""

    connections: list[ConnectionView]
    default: str


class TestResult(ConnectionTest):
    """Whether Redis answers, in words."""

    __test__ = False  # not a test, whatever pytest thinks of the name

    version: str | None = None


@router.get("/connections")
async def list_connections(links: LinksOf) -> ConnectionViews:
    """Which servers this is about."""
    links.pick("")
    views = [
        ConnectionView(
            name=name,
            address=str(connection.address),
            kind=connection.kind,
            database=connection.address.database,
            tls=connection.address.tls,
            username=connection.username,
            read_only=connection.read_only,
        )
        for name, connection in sorted(links.settings.connections.items())
    ]
    return ConnectionViews(connections=views, default=links.settings.first)


@router.post("/connection/test")
async def try_connection(links: LinksOf, connection: ConnectionName = "") -> TestResult:
    """Connect anew and log in; says in words what is wrong. Changes nothing."""
    pools = links.pools(connection)
    began = time.perf_counter()
    try:
        async with pools.fresh() as reader:
            await reader.run("PING")
            taken = (time.perf_counter() - began) * 1000
            version = (await facts_of(reader, "server")).get("redis_version")
    except Refusal as refusal:
        return TestResult(ok=False, message=refusal.detail, hint=refusal.hint)
    words = f"Redis {version or ''} {pools.connection.where} answers.".replace("  ", " ")
    return TestResult(ok=True, message=words, milliseconds=round(taken, 2), version=version)
