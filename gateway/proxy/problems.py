"""Answers that the data plane makes itself: RFC 9457 problem documents, as finished bytes."""

from __future__ import annotations

import json
import math
from typing import Any

from gateway.errors import Conflict, Forbidden, NotFound, PlugwayError, Unauthenticated, Unavailable
from gateway.model import PluginState
from gateway.routing import Route

PASSED_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
"""What ``Allow`` names for plugins' paths. Methods that nobody has registered pass as well."""

Headers = list[tuple[bytes, bytes]]


class UnknownPlugin(NotFound):
    key, title = "unknown-plugin", "No such plugin"


class PluginUnavailable(Unavailable):
    key, title = "plugin-unavailable", "The plugin is not available now"


class Overloaded(Unavailable):
    key, title = "overloaded", "Too many calls at once"


class TimedOut(PlugwayError):
    key, title, status = "timed-out", "The plugin did not answer in time", 504


class BadAnswer(PlugwayError):
    """The plugin answered something that HTTP does not allow, or ended within its answer."""

    key, title, status = "bad-answer", "The plugin's answer cannot be passed on", 502


class BodyTooLarge(PlugwayError):
    key, title, status = "body-too-large", "The request body is too large", 413


class BodyTooSlow(PlugwayError):
    key, title, status = "body-too-slow", "The request body came too slowly", 408


class BadRequest(PlugwayError):
    key, title, status = "bad-request", "The request cannot be passed on", 400


class MethodRefused(PlugwayError):
    """``allow`` are the methods that are taken, as a 405 has to say."""

    key, title, status = "method-refused", "This method is not passed on", 405

    def __init__(self, detail: str, *, plugin: str, allow: str) -> None:
        super().__init__(detail, plugin=plugin)
        self.allow = allow


class SignInFirst(Unauthenticated):
    """A plugin's route that needs a caller, called without a valid token or session."""


class NotAllowed(Forbidden):
    """A known caller, but not one whom the route is for."""


class Problem:
    """A finished answer: status, headers and body, made once and sent often; ``error`` is what it says."""

    __slots__ = ("body", "error", "headers", "reason", "status")

    def __init__(self, error: PlugwayError, *, close: bool = False) -> None:
        self.error = error
        self.status = error.status
        self.reason = error.reason
        self.body = json.dumps(error.problem(), separators=(",", ":")).encode()
        self.headers: Headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(self.body)),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if error.retry_after is not None:
            self.headers.append((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after))))
        if error.status == Unauthenticated.status:
            self.headers.append((b"www-authenticate", b"Bearer"))
        if isinstance(error, MethodRefused):
            self.headers.append((b"allow", error.allow.encode()))
        if close:
            self.headers.append((b"connection", b"close"))

    async def send(self, send: Any, request_id: bytes = b"") -> None:
        headers = [*self.headers, (b"x-request-id", request_id)] if request_id else self.headers
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


class Answered(Exception):
    """Unwinds to the place that sends: carries the problem that ends this call."""

    def __init__(self, error: PlugwayError, *, close: bool = False) -> None:
        super().__init__(error.detail)
        self.problem = Problem(error, close=close)


class ReleaseRetired(Conflict):
    """The page that calls was loaded from a release that is no longer in use."""

    key, title = "release-retired", "This page is of an older release"


def retired(route: Route) -> ReleaseRetired:
    return ReleaseRetired(
        f"The release of {route.plugin_id} that this page was loaded from is no longer in use.",
        plugin=route.plugin_id,
        reason="release-retired",
        hint="Load the page again.",
    )


_WORDS = {
    PluginState.STARTING: "is starting",
    PluginState.UPDATING: "is being updated",
    PluginState.UNHEALTHY: "is unhealthy",
    PluginState.DISABLED: "is disabled",
    PluginState.QUARANTINED: "is quarantined after failed starts",
    PluginState.HEALTHY: "has no instance that takes calls",
}


def unavailable(route: Route) -> PluginUnavailable:
    """Why a known plugin cannot take this call, and when to try again."""
    said = f": {route.reason}" if route.reason else ""
    hints = {
        PluginState.DISABLED: "Enable it first.",
        PluginState.QUARANTINED: "See its logs, mend the cause, then restart it.",
    }
    state = route.state if route.state is not PluginState.HEALTHY else PluginState.UNHEALTHY
    return PluginUnavailable(
        f"The plugin {route.plugin_id} {_WORDS[route.state]}{said}",
        plugin=route.plugin_id,
        reason=state.value,
        retry_after=route.retry_after,
        hint=hints.get(route.state, ""),
    )
