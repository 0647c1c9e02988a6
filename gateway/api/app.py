"""The management API as one ASGI application."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp

from gateway import __version__
from gateway.access.gatekeeper import Gatekeeper
from gateway.access.tokens import Tokens
from gateway.api.access import ruled
from gateway.api.docs.routes import docs_routes
from gateway.api.guard import Guard
from gateway.api.metrics import metrics_routes
from gateway.api.openapi.routes import openapi_routes
from gateway.api.parts import Parts
from gateway.api.ports import Audit, Lifecycle, Store, Supervisor, Trust, Verification
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
from gateway.api.trail import Trail
from gateway.catalogue.market import Market
from gateway.figures.history import History
from gateway.oidc.provider import OidcProvider
from gateway.registry.boards import EventBoard, SnapshotBoard
from gateway.registry.circuits import CircuitBoard
from gateway.runtimes.base import Runtime
from gateway.settings import Settings
from gateway.supervisor.bundles import Bundles
from gateway.supervisor.rollout_acts import RolloutActs
from gateway.supervisor.source_watch import SourceWatch

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


def create_api(
    *,
    store: Store,
    supervisor: Supervisor,
    lifecycle: Lifecycle,
    market: Market,
    trust: Trust,
    verification: Verification,
    bundles: Bundles,
    sources: SourceWatch,
    snapshots: SnapshotBoard,
    events: EventBoard,
    gatekeeper: Gatekeeper,
    tokens: Tokens,
    audit: Audit,
    oidc: OidcProvider,
    settings: Settings,
    runtime_choice: str,
    runtime: Runtime,
    rollouts: RolloutActs,
    circuits: CircuitBoard | None = None,
    history: History | None = None,
    console: ASGIApp | None = None,
) -> FastAPI:
    """The API with its own door: everything but health and sign-in needs a token or session.

    ``console`` answers every path that is not the API's.

    A server that stops has to call ``app.state.streams.close()`` before it waits for its
    connections, as event streams would not end by themselves.
    """
    parts = Parts(
        store=store,
        supervisor=supervisor,
        lifecycle=lifecycle,
        market=market,
        trust=trust,
        verification=verification,
        bundles=bundles,
        sources=sources,
        snapshots=snapshots,
        events=events,
        gatekeeper=gatekeeper,
        tokens=tokens,
        audit=audit,
        oidc=oidc,
        trail=Trail(audit),
        settings=settings,
        runtime=runtime,
        runtime_choice=runtime_choice,
        rollouts=rollouts,
        circuits=circuits or CircuitBoard(),
        history=history or History(),
    )
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
