"""The door of the management API: host, caller, forged requests, body size, unexpected errors.

Everything under the API's own paths is closed unless ``rights`` says for whom it is, so a new
route cannot be left open by mistake. Other paths are the console's, whose pages hold no secrets.
"""

from __future__ import annotations

import logging
import secrets
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.access.csrf import SAFE_METHODS, forbidden_reason, foreign_reason, host_allowed
from gateway.api.access import ASKED, check_right
from gateway.api.methods import HeadAnswered, allow, answer_options, as_get, without_body
from gateway.api.pages import refusal_page
from gateway.api.parts import Parts
from gateway.api.problems import (
    BodyTooLarge,
    CrossOrigin,
    HostRefused,
    problem_response,
    unauthenticated,
)
from gateway.api.rights import OPEN, find_right
from gateway.api.trail import CALLER, name_request
from gateway.errors import Internal, PlugwayError, Unauthenticated
from gateway.model import Caller
from gateway.settings import Settings

_log = logging.getLogger(__name__)

BODY_LIMIT = 2**20
"""Bytes. The largest input is a definition or settings; no body that is refused is read whole."""

UPLOADS = frozenset({("POST", "/api/v1/bundles"), ("POST", "/api/v1/bundles/preview")})
"""What takes a file, as it comes and up to ``bundle_bytes``."""

LOGIN_CODE = "plugway.login_code"
OIDC_ANSWER = "plugway.oidc_answer"

HEALTH = frozenset({"/healthz", "/readyz"})
_OWN_PATHS = HEALTH | {"/metrics", "/openapi.json", "/docs", "/api"}

_SECURITY_HEADERS = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}


class Guard:
    """ASGI middleware around the management API."""

    def __init__(self, app: ASGIApp, parts: Parts, console: ASGIApp | None) -> None:
        self._app = app
        self._parts = parts
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _hide_login_code(scope)
        request_id = name_request(scope)
        if self._console is not None and not _owns(scope):
            await self._show(scope, receive, send, self._console)
            return
        send = _with_own_headers(send, request_id)
        if (as_read := as_get(scope)) is not scope:
            scope, send = as_read, without_body(send)
        trail = self._parts.trail
        try:
            self._admit(scope)
            if scope["method"] == "OPTIONS" and allow(scope["path"]):
                await answer_options(scope["path"], send)
                return
        except PlugwayError as error:
            await trail.refused(scope, error)
            await self._refuse(error, scope, receive, send)
            return
        try:
            recorder = await trail.begin(scope, send)
        except PlugwayError as error:
            await self._refuse(error, scope, receive, send)
            return
        try:
            await self._run(scope, _LimitedBody(receive, self._limit(scope)), recorder or send)
        finally:
            if recorder is not None:
                await recorder.end(0)

    def _admit(self, scope: Scope) -> None:
        """Find out who calls; raises where the call must not go on."""
        headers = dict(reversed(scope["headers"]))
        method, path = scope["method"], scope["path"]
        settings = self._parts.settings
        asked = find_right(method, path)
        if asked is not None:
            scope[ASKED] = asked
        # Load balancers ask for health under any name, and learn nothing else from it.
        if path not in HEALTH:
            _check_host(headers.get(b"host"), settings)
        authorization = headers.get(b"authorization")
        cookies = b"; ".join(value for name, value in scope["headers"] if name == b"cookie")
        caller = self._parts.gatekeeper.identify(authorization, cookies)
        scope[CALLER] = caller
        if (method, path) in OPEN:
            if method not in SAFE_METHODS:
                _refuse_foreign(foreign_reason(scope["headers"], public_url=settings.public_url))
        elif caller is None:
            raise unauthenticated(_why_not(authorization, cookies))
        else:
            reason = forbidden_reason(method, scope["headers"], caller, public_url=settings.public_url)
            _refuse_foreign(reason)
            if asked is not None:
                check_right(asked, caller, scope, self._parts.store)
        length, limit = headers.get(b"content-length", b""), self._limit(scope)
        if length.isdigit() and int(length[:20]) > limit:
            raise _too_large(limit)

    def _limit(self, scope: Scope) -> int:
        upload = (scope["method"], scope["path"]) in UPLOADS
        return self._parts.settings.bundle_bytes if upload else BODY_LIMIT

    async def _show(self, scope: Scope, receive: Receive, send: Send, console: ASGIApp) -> None:
        host = next((value for name, value in scope["headers"] if name == b"host"), None)
        try:
            _check_host(host, self._parts.settings)
        except HostRefused as error:
            await problem_response(error)(scope, receive, send)
            return
        await console(scope, receive, send)

    async def _refuse(self, error: PlugwayError, scope: Scope, receive: Receive, send: Send) -> None:
        if isinstance(error, Unauthenticated) and _wants_page(scope):
            response: Response = refusal_page("Sign in first", error.detail, 401)
        else:
            response = problem_response(error)
        await response(scope, receive, send)

    async def _run(self, scope: Scope, receive: _LimitedBody, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            if receive.too_large:
                # The framework would call the body malformed.
                if not started:
                    started = True
                    await problem_response(_too_large(receive.limit))(scope, receive, send)
                return
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except HeadAnswered:
            return
        except Exception as error:
            known = error if isinstance(error, PlugwayError) else None
            if started:
                raise
            if known is not None:
                await problem_response(known)(scope, receive, send)
                return
            name = f"urn:plugway:failure:{secrets.token_hex(8)}"
            # The text of the error stays here: it may hold paths, addresses or worse.
            _log.exception("%s: %s %s failed", name, scope["method"], scope["path"])
            answer = Internal(
                "The gateway failed at this request.", hint="Its log says more under the name in 'instance'."
            )
            await problem_response(answer, instance=name)(scope, receive, send)


def caller_of(scope: Scope) -> Caller:
    """The caller of an admitted request; raises ``Unauthenticated`` on an open path without one."""
    caller: Caller | None = scope.get(CALLER)
    if caller is None:
        raise unauthenticated()
    return caller


def _owns(scope: Scope) -> bool:
    """Whether the request is the API's; ``/login`` without a code is a page of the console."""
    path: str = scope["path"]
    if path == "/login":
        return LOGIN_CODE in scope
    return path in _OWN_PATHS or path.startswith(("/api/", "/docs/"))


def _check_host(host: bytes | None, settings: Settings) -> None:
    if not host_allowed(host, settings):
        raise HostRefused(
            "The Host header does not name this gateway.",
            hint="Use its address, or add the name to PLUGWAY_ALLOWED_HOSTS.",
        )


def _hide_login_code(scope: Scope) -> None:
    """Take the code out of the request before anything can log its query."""
    if scope["path"] == "/api/v1/oidc/callback":
        scope[OIDC_ANSWER] = scope["query_string"].decode("latin-1")
        scope["query_string"] = b""
    if scope["path"] == "/login" and scope["query_string"]:
        codes = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).get("code")
        if codes:
            scope[LOGIN_CODE] = codes[0]
            scope["query_string"] = b""


def _why_not(authorization: bytes | None, cookies: bytes) -> str:
    if authorization is not None and authorization[:7].lower() == b"bearer ":
        return "This token is not known."
    if authorization is not None:
        return "Only bearer tokens are taken."
    if b"plugway_session" in cookies:
        return "The session has ended."
    return "This needs a token or a session."


def _refuse_foreign(reason: str | None) -> None:
    if reason is not None:
        raise CrossOrigin(f"Refused: {reason}.", hint="Open the console itself, or use a token.")


def _wants_page(scope: Scope) -> bool:
    accepted = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return scope["method"] == "GET" and b"text/html" in accepted


class _LimitedBody:
    """A ``receive`` that stops at ``limit`` bytes, whatever length was announced."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self.limit = limit
        self._size = 0
        self.too_large = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > self.limit:
            self.too_large = True
            raise _too_large(self.limit)
        return message


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The management API reads at most {limit // 1024} KiB here.")


def _with_own_headers(send: Send, request_id: str) -> Send:
    own = {**_SECURITY_HEADERS, b"x-request-id": request_id.encode()}

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]}
            extra = [pair for pair in own.items() if pair[0] not in present]
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return dressed
