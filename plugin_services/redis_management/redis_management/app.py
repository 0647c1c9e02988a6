"""The plugin's HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from plugway_sdk.web.problems import answer_refusals

from redis_management import clients, create, keys, matching, server, slow_log
from redis_management.connections import Connections
from redis_management.values import hashes, lists, sets, sorted_sets, streams, strings

_MODULES = (
    server, keys, matching, create, strings, hashes, lists, sets, sorted_sets, streams, slow_log, clients,
)  # fmt: skip


def create_app(connections: Connections) -> FastAPI:
    """The API over ``connections``; it makes no connection by itself."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await connections.close()

    app = FastAPI(
        title="Redis manager",
        version="1.0.0",
        summary="Look into a Redis server and change what is there.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # Given as they are: an included router's routes are all built a second time.
        routes=[route for module in _MODULES for route in module.router.routes],
    )
    app.state.connections = connections
    answer_refusals(app, "redis")
    return app
