"""The plugin's HTTP API."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from plugway_sdk.web.app import new_app
from plugway_sdk.web.problems import Refusal

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
from grafana_management.problems import ServerRefused

_MODULES = (
    connections, organisations, folders, dashboards, importing, versions, view, data_sources, alert_rules,
    silences, users, teams, snapshots,
)  # fmt: skip


_log = logging.getLogger(__name__)


async def _unknown_form(request: Request, error: Exception) -> Any:
    """What answered is JSON, and not what Grafana documents; the log says where that was noticed."""
    _log.error("an answer of an unknown form, to %s", request.url.path, exc_info=error)
    refusal = ServerRefused(
        "What Grafana answered has a form that this plugin does not know.",
        hint="Check that the address is a Grafana's; the plugin is made for its versions 10 and 11.",
    )
    return await request.app.exception_handlers[Refusal](request, refusal)


def create_app(links: Links) -> FastAPI:
    """The API over ``links``; it makes no connection by itself."""
    app = new_app(
        [module.router for module in _MODULES],
        title="Grafana manager",
        version="1.0.0",
        summary="Manage Grafana servers.",
        namespace="grafana",
        at_end=links.aclose,
    )
    app.state.links = links
    for kind in (LookupError, TypeError, AttributeError, ValueError):
        app.add_exception_handler(kind, _unknown_form)
    return app
