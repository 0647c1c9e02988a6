"""Who may call which route of the management API: all of it in one table.

The door looks up each request here; a route that is not in the table answers nobody, and a test walks
all routes. ``Scope`` says how a grant for one plugin counts beside the role.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from starlette.routing import compile_path

from gateway.access.roles import Role


class Scope(Enum):
    """What of the gateway a route is about."""

    GATEWAY = "gateway"
    """All of it: no grant suffices."""
    PLUGIN = "plugin"
    """The plugin whose id is in the path."""
    ROLLOUT = "rollout"
    """The plugin that the rollout in the path moves."""
    ASKED = "asked"
    """The plugin that the query asks for; without one, the gateway."""
    ANY = "any"
    """What there is for the caller to see: any grant suffices, and the route shows no more."""


@dataclass(frozen=True, slots=True)
class Right:
    """``role`` None is for everybody who is known; an ``open`` route is for everybody."""

    act: str
    method: str
    path: str
    role: Role | None
    scope: Scope = Scope.GATEWAY
    open: bool = False


_VIEWER, _OPERATOR, _ADMIN = Role.VIEWER, Role.OPERATOR, Role.ADMIN
_P = "/api/v1/plugins/{id}"
_R = "/api/v1/rollouts/{id}"
_B = "/api/v1/bundles"
_C = "/api/v1/catalogues"

RIGHTS = (
    Right("getHealth", "GET", "/healthz", None, open=True),
    Right("getHealth", "HEAD", "/healthz", None, open=True),
    Right("getReadiness", "GET", "/readyz", None, open=True),
    Right("getReadiness", "HEAD", "/readyz", None, open=True),
    Right("redeemLoginLink", "GET", "/login", None, open=True),
    Right("signIn", "POST", "/api/v1/session", None, open=True),
    Right("getSignIn", "GET", "/api/v1/sign-in", None, open=True),
    Right("beginOidcLogin", "GET", "/api/v1/oidc/login", None, open=True),
    Right("finishOidcLogin", "GET", "/api/v1/oidc/callback", None, open=True),
    Right("getSession", "GET", "/api/v1/session", None),
    Right("signOut", "POST", "/api/v1/logout", None),
    Right("makeLoginLink", "POST", "/api/v1/login-links", _ADMIN),
    Right("listTokens", "GET", "/api/v1/tokens", _ADMIN),
    Right("createToken", "POST", "/api/v1/tokens", _ADMIN),
    Right("revokeToken", "DELETE", "/api/v1/tokens/{name}", _ADMIN),
    Right("getFigures", "GET", f"{_P}/figures", _VIEWER, Scope.PLUGIN),
    Right("readAudit", "GET", "/api/v1/audit", _ADMIN),
    Right("exportAudit", "GET", "/api/v1/audit/export", _ADMIN),
    Right("listPlugins", "GET", "/api/v1/plugins", _VIEWER, Scope.ANY),
    Right("installPlugin", "POST", "/api/v1/plugins", _ADMIN),
    Right("previewPlugin", "POST", "/api/v1/plugins/preview", _ADMIN),
    Right("getPlugin", "GET", _P, _VIEWER, Scope.PLUGIN),
    Right("uninstallPlugin", "DELETE", _P, _ADMIN, Scope.PLUGIN),
    Right("listInstances", "GET", f"{_P}/instances", _VIEWER, Scope.PLUGIN),
    Right("listReleases", "GET", f"{_P}/releases", _VIEWER, Scope.PLUGIN),
    Right("getReleaseLock", "GET", f"{_P}/lock", _VIEWER, Scope.PLUGIN),
    Right("verifyPlugin", "POST", f"{_P}/verify", _VIEWER, Scope.PLUGIN),
    Right("enablePlugin", "POST", f"{_P}/enable", _OPERATOR, Scope.PLUGIN),
    Right("disablePlugin", "POST", f"{_P}/disable", _OPERATOR, Scope.PLUGIN),
    Right("restartPlugin", "POST", f"{_P}/restart", _OPERATOR, Scope.PLUGIN),
    Right("routeMe", "POST", f"{_P}/copy", _ADMIN, Scope.PLUGIN),
    Right("recordCalls", "POST", f"{_P}/recording", _ADMIN, Scope.PLUGIN),
    Right("getSettings", "GET", f"{_P}/settings", _VIEWER, Scope.PLUGIN),
    Right("changeSettings", "PUT", f"{_P}/settings", _OPERATOR, Scope.PLUGIN),
    Right("getLimits", "GET", f"{_P}/limits", _VIEWER, Scope.PLUGIN),
    Right("setLimits", "PUT", f"{_P}/limits", _OPERATOR, Scope.PLUGIN),
    Right("readLogs", "GET", f"{_P}/logs", _VIEWER, Scope.PLUGIN),
    Right("listRollouts", "GET", f"{_P}/rollouts", _VIEWER, Scope.PLUGIN),
    Right("beginRollout", "POST", f"{_P}/rollouts", _OPERATOR, Scope.PLUGIN),
    Right("rollBack", "POST", f"{_P}/rollback", _OPERATOR, Scope.PLUGIN),
    Right("pinPlugin", "PUT", f"{_P}/pin", _OPERATOR, Scope.PLUGIN),
    Right("getRolloutDefaults", "GET", f"{_P}/rollout-defaults", _VIEWER, Scope.PLUGIN),
    Right("setRolloutDefaults", "PUT", f"{_P}/rollout-defaults", _OPERATOR, Scope.PLUGIN),
    Right("listLiveRollouts", "GET", "/api/v1/rollouts", _VIEWER),
    Right("getRollout", "GET", _R, _VIEWER, Scope.ROLLOUT),
    Right("promoteRollout", "POST", f"{_R}/promote", _OPERATOR, Scope.ROLLOUT),
    Right("pauseRollout", "POST", f"{_R}/pause", _OPERATOR, Scope.ROLLOUT),
    Right("resumeRollout", "POST", f"{_R}/resume", _OPERATOR, Scope.ROLLOUT),
    Right("abortRollout", "POST", f"{_R}/abort", _OPERATOR, Scope.ROLLOUT),
    Right("listCatalog", "GET", "/api/v1/catalog", _VIEWER),
    Right("getOffers", "GET", "/api/v1/catalog/{id}", _VIEWER),
    Right("chooseOffer", "GET", "/api/v1/catalog/{id}/definition", _VIEWER),
    Right("getScreenshot", "GET", "/api/v1/catalog/{id}/screenshots/{sha256}", _VIEWER),
    Right("listUpdates", "GET", "/api/v1/updates", _VIEWER),
    Right("checkUpdates", "POST", "/api/v1/updates/check", _OPERATOR),
    Right("listCatalogues", "GET", _C, _VIEWER),
    Right("addCatalogue", "POST", _C, _ADMIN),
    Right("removeCatalogue", "DELETE", f"{_C}/{{name}}", _ADMIN),
    Right("refreshCatalogue", "POST", f"{_C}/{{name}}/refresh", _ADMIN),
    Right("exportBundle", "GET", _B, _ADMIN),
    Right("previewBundle", "POST", f"{_B}/preview", _ADMIN),
    Right("importBundle", "POST", _B, _ADMIN),
    Right("followEvents", "GET", "/api/v1/events", _VIEWER, Scope.ASKED),
    Right("getSystem", "GET", "/api/v1/system", _VIEWER, Scope.ANY),
    Right("getMetrics", "GET", "/metrics", _VIEWER),
    Right("getOpenApi", "GET", "/openapi.json", None),
    Right("getDocs", "GET", "/docs", None),
    Right("getDocs", "GET", "/docs/docs.css", None),
    Right("getDocs", "GET", "/docs/docs.js", None),
    Right("getDocs", "GET", "/docs/schema.js", None),
)

OPEN = frozenset((right.method, right.path) for right in RIGHTS if right.open)
"""What needs neither token nor session: health, and the ways to get a session."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The right that a request needs, and what its path names."""

    right: Right
    parameters: dict[str, str]


def _compiled() -> Iterator[tuple[str, re.Pattern[str], Right]]:
    for right in RIGHTS:
        # The pattern that the routes themselves are found by.
        yield right.method, compile_path(right.path)[0], right


_PATTERNS = tuple(_compiled())


def methods_at(path: str) -> frozenset[str]:
    """What a path takes; empty where the API has no such path."""
    return frozenset(method for method, pattern, _ in _PATTERNS if pattern.match(path))


def find_right(method: str, path: str) -> Asked | None:
    """What a request asks for; None where the API has no such route."""
    for known, pattern, right in _PATTERNS:
        if known == method and (found := pattern.match(path)):
            return Asked(right, found.groupdict())
    return None
