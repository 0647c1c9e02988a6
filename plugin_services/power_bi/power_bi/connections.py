"""The connections that are set, and whether they work."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from plugway_sdk.web.connections import ConnectionName, ConnectionTest
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal, new_router

from power_bi.dependencies import LinksOf

router = new_router("connections")


class ConnectionView(ApiModel):
    """What is set; nothing is asked of the service."""

    name: str
    address: str
    tenant: str
    client: str
    read_only: bool


class ConnectionViews(ApiModel):
    """All of them by name; refused where there is none."""

    connections: list[ConnectionView]
    default: str


class TestResult(ConnectionTest):
    """Whether the service principal gets in, in words."""

    __test__ = False  # not a test, whatever pytest thinks of the name


@router.get("/connections")
async def list_connections(links: LinksOf) -> ConnectionViews:
    """Which service principals this is about."""
    links.pick("")
    views = [
        ConnectionView(
            name=name,
            address=urlsplit(connection.api_url).netloc,
            tenant=connection.tenant_id,
            client=connection.client_id,
            read_only=connection.read_only,
        )
        for name, connection in sorted(links.settings.connections.items())
    ]
    return ConnectionViews(connections=views, default=links.settings.first)


@router.post("/connection/test")
async def try_connection(links: LinksOf, connection: ConnectionName = "") -> TestResult:
    """Log in anew and ask for a workspace; says in words what is wrong. Changes nothing."""
    service = links.fresh(connection)
    began = time.perf_counter()
    try:
        found = await service.entries("/groups", {"top": 1})
    except Refusal as refusal:
        return TestResult(ok=False, message=refusal.detail, hint=refusal.hint)
    finally:
        await service.close()
    taken = round((time.perf_counter() - began) * 1000, 2)
    words = "Power BI answers."
    if not found:
        words += " The service principal is in no workspace yet: add it to those that are to be seen here."
    return TestResult(ok=True, message=words, milliseconds=taken)
