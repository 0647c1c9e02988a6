"""Tokens: made, listed, revoked."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Path, Request

from gateway.api.guard import caller_of
from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.api.token_views import NewToken, NewTokenView, TokenList, token_view
from gateway.api.trail import note


def token_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/v1/tokens", tags=["tokens"])

    @router.get("", operation_id="listTokens", summary="List tokens", responses=responses())
    async def list_tokens() -> TokenList:
        await parts.tokens.note_uses()
        return TokenList(tokens=[token_view(token, time.time()) for token in parts.tokens.all()])

    @router.post(
        "",
        operation_id="createToken",
        summary="Make a token",
        description="Its secret is in this answer and nowhere else.",
        status_code=201,
        responses=responses(400, 409, 413, 422),
    )
    async def create_token(wanted: NewToken, request: Request) -> NewTokenView:
        expires = wanted.expires_at.isoformat() if wanted.expires_at else "never"
        note(request.scope, name=wanted.name, role=wanted.role, grants=wanted.grants, expires=expires)
        token, secret = await parts.tokens.create(
            name=wanted.name,
            role=wanted.role,
            grants=wanted.grants,
            expires_at=wanted.expires_at.timestamp() if wanted.expires_at else 0.0,
            by=caller_of(request.scope).user,
        )
        parts.events.emit("token.created", name=token.name)
        return NewTokenView(token=token_view(token, time.time()), secret=secret)

    @router.delete(
        "/{name}",
        operation_id="revokeToken",
        summary="Revoke a token",
        description="It is refused from the next call on, and sessions that were opened with it are over.",
        status_code=204,
        responses=responses(404, 409),
    )
    async def revoke_token(name: Annotated[str, Path(description="Its id or its name.")]) -> None:
        token = await parts.tokens.revoke(name)
        parts.events.emit("token.revoked", name=token.name)

    return router
