"""The plugin's HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from plugway_sdk.web.problems import answer_refusals

from power_bi import connections, dashboards, datasets, embedding, refreshes, reports, schedule, workspaces
from power_bi.links import Links

_MODULES = (connections, workspaces, reports, embedding, dashboards, datasets, refreshes, schedule)


def create_app(links: Links) -> FastAPI:
    """The API over ``links``; it makes no connection by itself."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await links.close()

    app = FastAPI(
        title="Power BI manager",
        version="1.0.0",
        summary="Look after Power BI workspaces.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # Given as they are: an included router's routes are all built a second time.
        routes=[route for module in _MODULES for route in module.router.routes],
    )
    app.state.links = links
    answer_refusals(app, "power-bi")
    return app
