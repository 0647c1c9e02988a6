"""Signing in by OpenID Connect: to the provider, and back with a code."""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from pydantic import Field
from starlette.responses import RedirectResponse

from gateway.api.guard import OIDC_ANSWER
from gateway.api.pages import refusal_page
from gateway.api.parts import Parts
from gateway.api.problems import problem_response, responses
from gateway.api.routes.session import set_cookie
from gateway.api.trail import note
from gateway.api.view_base import View
from gateway.errors import PlugwayError
from gateway.oidc.errors import LoginRefused
from gateway.oidc.provider import Pending

COOKIE = "plugway_oidc"
CALLBACK = "/api/v1/oidc/callback"
_PLACE = "/api/v1/oidc"
_SECONDS = 600


class SignInView(View):
    """How to sign in here, beside a token."""

    provider: str = Field(description="Name of the sign-in provider; empty where there is none.")
    url: str = Field(description="Where a sign-in with it begins; empty where there is none.")


class _PendingCookie:
    """Holds a sign-in that was begun, signed, in the browser that began it."""

    def __init__(self, key: bytes, *, secure: bool) -> None:
        self._signer = URLSafeTimedSerializer(
            key,
            salt="plugway.oidc",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )
        self._secure = secure

    def write(self, response: Response, pending: Pending) -> None:
        response.set_cookie(
            COOKIE,
            str(self._signer.dumps([pending.state, pending.nonce, pending.verifier])),
            max_age=_SECONDS,
            path=_PLACE,
            httponly=True,
            # The way back begins at the provider's page: a strict cookie would stay away.
            samesite="lax",
            secure=self._secure,
        )

    def read(self, request: Request) -> Pending:
        """Raises :class:`LoginRefused`."""
        try:
            state, nonce, verifier = self._signer.loads(request.cookies.get(COOKIE, ""), max_age=_SECONDS)
        except (BadSignature, ValueError, TypeError):
            raise LoginRefused(
                "This sign-in was not begun in this browser, or more than ten minutes ago.",
                hint="Begin again.",
            ) from None
        return Pending(state, nonce, verifier)

    def drop(self, response: Response) -> None:
        response.delete_cookie(COOKIE, path=_PLACE, httponly=True, samesite="lax")


def oidc_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["session"])
    cookie = _PendingCookie(parts.gatekeeper.derive_key("oidc"), secure=parts.settings.secure)

    @router.get(
        "/api/v1/sign-in", operation_id="getSignIn", summary="Show how to sign in", responses=responses()
    )
    async def get_sign_in() -> SignInView:
        on = parts.oidc.configured
        return SignInView(
            provider=parts.settings.oidc_name if on else "", url=f"{_PLACE}/login" if on else ""
        )

    @router.get(
        f"{_PLACE}/login",
        operation_id="beginOidcLogin",
        summary="Go to the sign-in provider",
        status_code=303,
        response_class=RedirectResponse,
        responses={**responses(404), 303: {"description": "On to the provider."}},
    )
    async def begin_login(request: Request) -> Response:
        try:
            url, pending = await parts.oidc.begin(_callback(parts, request))
        except PlugwayError as error:
            return _told(request, error)
        response = RedirectResponse(url, 303)
        cookie.write(response, pending)
        return response

    @router.get(
        CALLBACK,
        operation_id="finishOidcLogin",
        summary="Come back from the sign-in provider",
        status_code=303,
        response_class=RedirectResponse,
        responses={**responses(404), 303: {"description": "Signed in; on to the console."}},
    )
    async def finish_login(request: Request) -> Response:
        try:
            pending = cookie.read(request)
            # The door took the code out of the query, so that no log has it.
            answer = dict(parse_qsl(request.scope.get(OIDC_ANSWER, "")))
            person = await parts.oidc.finish(pending, answer, _callback(parts, request))
        except PlugwayError as error:
            response = _told(request, error)
        else:
            note(request.scope, user=person.user, role=person.role)
            response = RedirectResponse("/", 303)
            set_cookie(response, parts, parts.gatekeeper.start_session(person.user, person.role))
        cookie.drop(response)
        return response

    return router


def _callback(parts: Parts, request: Request) -> str:
    base = parts.settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    return base + CALLBACK


def _told(request: Request, error: PlugwayError) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return refusal_page(error.title, f"{error.detail} {error.hint}".strip(), error.status)
    return problem_response(error)
