"""The plugin's HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from plugway_sdk.web.problems import answer_refusals

from minio_management import (
    access_keys,
    bucket_settings,
    buckets,
    connections,
    content,
    deletion,
    groups,
    lifecycle,
    object_settings,
    objects,
    policies,
    server,
    users,
    versions,
)  # fmt: skip
from minio_management.links import Links

_MODULES = (
    connections, buckets, bucket_settings, lifecycle, objects, content, object_settings, versions, deletion,
    server, users, groups, policies, access_keys,
)  # fmt: skip


def create_app(links: Links) -> FastAPI:
    """The API over ``links``; it makes no connection by itself."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        links.close()

    app = FastAPI(
        title="MinIO manager",
        version="1.0.0",
        summary="Manage MinIO servers.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # Given as they are: an included router's routes are all built a second time.
        routes=[route for module in _MODULES for route in module.router.routes],
    )
    app.state.links = links
    answer_refusals(app, "minio")
    return app
