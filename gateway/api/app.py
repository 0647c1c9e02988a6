"""The management API as one ASGI application."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp

from gateway import __version__
from gateway.api.access import ruled
from gateway.api.docs.routes import docs_routes
from gateway.api.guard import Guard
from gateway.api.metrics import metrics_routes
from gateway.api.openapi.routes import openapi_routes
from gateway.api.parts import Parts
from gateway.api.problems import install_handlers
from gateway.api.routes.audit import audit_routes
from gateway.api.routes.bundles import bundle_routes
from gateway.api.routes.catalog import catalog_routes
from gateway.api.routes.catalogues import catalogue_routes
from gateway.api.routes.copies import copy_routes
from gateway.api.routes.events import event_routes
from gateway.api.routes.figures import figure_routes
from gateway.api.routes.limits import limit_routes
from gateway.api.routes.logs import log_routes
from gateway.api.routes.oidc import oidc_routes
from gateway.api.routes.plugins import plugin_routes
from gateway.api.routes.recordings import recording_routes
from gateway.api.routes.rollouts import rollout_routes
from gateway.api.routes.session import session_routes
from gateway.api.routes.settings import settings_routes
from gateway.api.routes.system import health_routes, system_routes
from gateway.api.routes.tokens import token_routes
from gateway.api.routes.updates import update_routes

_ROUTES = (
    plugin_routes,
    rollout_routes,
    settings_routes,
    limit_routes,
    log_routes,
    copy_routes,
    recording_routes,
    figure_routes,
    catalog_routes,
    update_routes,
    catalogue_routes,
    bundle_routes,
    event_routes,
    system_routes,
    session_routes,
    token_routes,
    audit_routes,
    oidc_routes,
    health_routes,
    metrics_routes,
    docs_routes,
)


def create_api(parts: Parts, console: ASGIApp | None = None) -> FastAPI:
    """The API with its own door: everything but health and sign-in needs a token or session.

    ``console`` answers every path that is not the API's.

    A server that stops has to call ``app.state.streams.close()`` before it waits for its
    connections, as event streams would not end by themselves.
    """
    app = FastAPI(
        title="Plugway",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(ruled)],
    )
    for routes in _ROUTES:
        app.include_router(routes(parts))
    app.include_router(openapi_routes(parts, app))
    install_handlers(app)
    app.add_middleware(Guard, parts=parts, console=console)
    app.state.streams = parts.streams
    return app
