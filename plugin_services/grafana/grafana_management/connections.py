"""The servers that are set, and whether they answer."""

from __future__ import annotations

import time

from plugway_sdk.web.connections import ConnectionName, ConnectionTest
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal, new_router
from pydantic import Field

from grafana_management.dependencies import LinksOf
from grafana_management.links import Link
from grafana_management.problems import not_grafana

router = new_router("connections")


class ConnectionView(ApiModel):
    """What is set; nothing is asked of the server."""

    name: str
    address: str
    tls: bool
    login: str = Field(description="How it logs in, in words.")
    organisation: int
    read_only: bool


class ConnectionViews(ApiModel):
    """All of them by name; refused where there is none."""

    connections: list[ConnectionView]
    default: str


class TestResult(ConnectionTest):
    """Whether the server answers, in words."""

    __test__ = False  # not a test, whatever pytest thinks of the name

    version: str = ""
    organisation: str = ""
    administration: bool = Field(
        default=False, description="Whether this login may also see to all organisations and users."
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
            login=connection.login,
            organisation=connection.organisation,
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
        organisation = await link.get("/api/org")
        taken = (time.perf_counter() - began) * 1000
        health = await link.get("/api/health")
        if not isinstance(organisation, dict) or not isinstance(health, dict) or "name" not in organisation:
            raise not_grafana(link.connection)
        return TestResult(
            ok=True,
            message=f"Grafana at {link.connection.address} answers.",
            milliseconds=round(taken, 2),
            version=str(health.get("version", "")),
            organisation=str(organisation.get("name", "")),
            administration=await administers(link),
        )
    except Refusal as refusal:
        return TestResult(ok=False, message=refusal.detail, hint=refusal.hint)
    finally:
        await link.server.retire()


async def administers(link: Link) -> bool:
    """Whether the login is a server administrator's."""
    try:
        await link.get("/api/orgs", perpage=1)
    except Refusal as refusal:
        if refusal.key in ("not-allowed", "login-refused", "not-found"):
            return False
        raise
    return True
