"""What the management API says of tokens."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import AwareDatetime, Field

from gateway.api.view_base import Body, View
from gateway.model import Token


class TokenView(View):
    """A token without its secret, which nobody knows any more."""

    id: str
    name: str
    role: str = Field(description="Holds for everything: `viewer`, `operator`, `admin`, or empty.")
    grants: dict[str, str] = Field(
        description="By plugin (`*` is all): `viewer`, `user`, `operator` or `admin`.",
        examples=[{"notes": "user"}],
    )
    created_at: datetime
    created_by: str
    expires_at: datetime | None = Field(description="Null where it never expires.")
    expired: bool
    used_at: datetime | None = Field(description="Last use, to the minute; null where never used.")


class NewTokenView(View):
    """The only answer that has the secret."""

    token: TokenView
    secret: str = Field(description="Shown this once. Sent as `Authorization: Bearer SECRET`.")


class TokenList(View):
    tokens: list[TokenView]


class NewToken(Body):
    """A token that is wanted."""

    name: str = Field(max_length=63, description="Who will have it.", examples=["ci"])
    role: str = Field("", max_length=16, description="`viewer`, `operator`, `admin`; empty for none.")
    grants: dict[str, str] = Field(
        {},
        max_length=100,
        description="By plugin (`*` is all): `viewer`, `user`, `operator` or `admin`.",
        examples=[{"notes": "user"}],
    )
    expires_at: AwareDatetime | None = Field(None, description="Null for never.")


def token_view(token: Token, now: float) -> TokenView:
    """``now`` is in Unix seconds."""
    return TokenView(
        id=token.id,
        name=token.name,
        role=token.role,
        grants=dict(token.grants),
        created_at=datetime.fromtimestamp(token.created_at, UTC),
        created_by=token.created_by,
        expires_at=datetime.fromtimestamp(token.expires_at, UTC) if token.expires_at else None,
        expired=bool(token.expires_at) and token.expires_at <= now,
        used_at=datetime.fromtimestamp(token.used_at, UTC) if token.used_at else None,
    )
