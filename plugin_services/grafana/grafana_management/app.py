"""The plugin's HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from plugway_sdk.web.problems import answer_refusals

from grafana_management import (
    alert_rules,
    connections,
    dashboards,
    data_sources,
    folders,
    importing,
    organisations,
    silences,
    snapshots,
    teams,
    users,
    versions,
    view,
)  # fmt: skip
from grafana_management.links import Links

_MODULES = (
    connections, organisations, folders, dashboards, importing, versions, view, data_sources, alert_rules,
    silences, users, teams, snapshots,
)  # fmt: skip


def create_app(links: Links) -> FastAPI:
    """The API over ``links``; it makes no connection by itself."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await links.aclose()

    app = FastAPI(
        title="Grafana manager",
        version="1.0.0",
        summary="Manage Grafana servers.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # Given as they are: an included router's routes are all built a second time.
        routes=[route for module in _MODULES for route in module.router.routes],
    )
    app.state.links = links
    answer_refusals(app, "grafana")
    return app
