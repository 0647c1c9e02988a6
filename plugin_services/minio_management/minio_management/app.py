"""The plugin's HTTP API."""

from __future__ import annotations

from fastapi import FastAPI
from plugway_sdk.web.app import new_app

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
    app = new_app(
        [module.router for module in _MODULES],
        title="MinIO manager",
        version="1.0.0",
        summary="Manage MinIO servers.",
        namespace="minio",
        at_end=links.close,
    )
    app.state.links = links
    return app
