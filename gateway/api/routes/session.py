"""Signing in and out."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from gateway.access.codes import CODE_SECONDS
from gateway.access.gatekeeper import ADMIN, SESSION_COOKIE, session_values
from gateway.api.guard import LOGIN_CODE, caller_of
from gateway.api.pages import refusal_page
from gateway.api.parts import Parts
from gateway.api.problems import problem_response, responses, unauthenticated
from gateway.api.system_views import LoginLink, SessionView, TokenLogin
from gateway.api.trail import note
from gateway.model import Caller

_USED = "This sign-in link was used before, has expired (they last ten minutes), or is incomplete."


def session_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["session"])
    _add_sign_in(router, parts)
    _add_session(router, parts)
    return router


def _add_sign_in(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/login",
        operation_id="redeemLoginLink",
        summary="Sign a browser in with a one-time code",
        status_code=303,
        response_class=RedirectResponse,
        responses={
            **responses(),
            200: {
                "description": "The sign-in page of the console, where no code is given.",
                "content": {"text/html": {"schema": {"type": "string"}}},
            },
            303: {"description": "Signed in; on to the console."},
        },
        openapi_extra={"parameters": [{"name": "code", "in": "query", "schema": {"type": "string"}}]},
    )
    async def redeem_login_link(request: Request) -> Response:
        # The door took the code out of the query, so that no log has it.
        session = parts.gatekeeper.redeem(request.scope.get(LOGIN_CODE, ""))
        if session is not None:
            note(request.scope, user=ADMIN)
            response: Response = RedirectResponse("/", 303)
            set_cookie(response, parts, session)
            return response
        if "text/html" in request.headers.get("accept", ""):
            return refusal_page("This link does not work any more", _USED, 401)
        return problem_response(unauthenticated(_USED))

    @router.post(
        "/api/v1/session",
        operation_id="signIn",
        summary="Sign a browser in with a token",
        responses=responses(400, 413, 422),
    )
    async def sign_in(login: TokenLogin, request: Request, response: Response) -> SessionView:
        caller = parts.gatekeeper.identify_token(login.token)
        if caller is None:
            raise unauthenticated("This token is not known.")
        note(request.scope, user=caller.user, token=caller.token)
        set_cookie(response, parts, parts.gatekeeper.start_token_session(caller))
        return _session_view(caller)


def _add_session(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/api/v1/session",
        operation_id="getSession",
        summary="Show who you are",
        responses=responses(),
    )
    async def get_session(request: Request) -> SessionView:
        return _session_view(caller_of(request.scope))

    @router.post(
        "/api/v1/logout",
        operation_id="signOut",
        summary="End this session",
        status_code=204,
        responses=responses(),
    )
    async def sign_out(request: Request, response: Response) -> None:
        for value in session_values(request.headers.get("cookie", "").encode("latin-1")):
            await parts.gatekeeper.end_session(value)
        response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="strict")

    @router.post(
        "/api/v1/login-links",
        operation_id="makeLoginLink",
        summary="Make a one-time link that signs a browser in",
        status_code=201,
        responses=responses(),
    )
    async def make_login_link(request: Request) -> LoginLink:
        base = parts.settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")
        code = parts.gatekeeper.new_login_code()
        expires = datetime.fromtimestamp(time.time() + CODE_SECONDS, UTC)
        return LoginLink(url=f"{base}/login?code={quote(code)}", expires_at=expires)


def _session_view(caller: Caller) -> SessionView:
    return SessionView(user=caller.user, role=caller.role, grants=dict(caller.grants))


def set_cookie(response: Response, parts: Parts, session: str) -> None:
    response.set_cookie(
        SESSION_COOKIE,
        session,
        max_age=int(parts.gatekeeper.session_seconds),
        path="/",
        httponly=True,
        samesite="strict",
        # A Secure cookie would not come back over plain HTTP to a host other than localhost.
        secure=parts.settings.secure,
    )
