"""The plugin's HTTP API."""

from __future__ import annotations

from fastapi import FastAPI
from plugway_sdk.web.app import new_app

from power_bi import connections, dashboards, datasets, embedding, refreshes, reports, schedule, workspaces
from power_bi.links import Links

_MODULES = (connections, workspaces, reports, embedding, dashboards, datasets, refreshes, schedule)


def create_app(links: Links) -> FastAPI:
    """The API over ``links``; it makes no connection by itself."""
    app = new_app(
        [module.router for module in _MODULES],
        title="Power BI manager",
        version="1.0.0",
        summary="Look after Power BI workspaces.",
        namespace="power-bi",
        at_end=links.close,
    )
    app.state.links = links
    return app
