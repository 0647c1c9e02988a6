"""The plugin's HTTP API."""

from __future__ import annotations

from fastapi import FastAPI
from plugway_sdk.web.app import new_app

from redis_management import (
    acl,
    clients,
    configuration,
    connections,
    console,
    create,
    export,
    import_keys,
    keys,
    matching,
    memory_analysis,
    monitor,
    nodes,
    pubsub,
    server,
    slow_log,
)
from redis_management.grant_words import tell_what_to_grant
from redis_management.links import Links
from redis_management.values import hashes, lists, sets, sorted_sets, streams, strings

_MODULES = (
    connections, server, keys, matching, create, strings, hashes, lists, sets, sorted_sets, streams, slow_log,
    clients, pubsub, monitor, configuration, acl, console, export,
    import_keys, memory_analysis, nodes,
)  # fmt: skip


def create_app(links: Links) -> FastAPI:
    """The API over ``links``; it makes no connection by itself."""
    app = new_app(
        [module.router for module in _MODULES],
        title="Redis manager",
        version="1.1.0",
        summary="Manage Redis servers.",
        namespace="redis",
        at_end=links.close,
    )
    app.state.links = links
    tell_what_to_grant(app, links)
    return app
