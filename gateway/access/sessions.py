"""Browser sessions: signed cookie values, so that a restart does not sign anyone out."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping

from itsdangerous import BadSignature, URLSafeSerializer

from gateway.model import Caller, Token

SESSION_COOKIE = "plugway_session"

_COOKIE_PREFIX = SESSION_COOKIE.encode() + b"="


class SessionReader:
    """Reads session values. ``ended`` are those that were ended early; ``tokens`` are by id."""

    def __init__(self, key: bytes, ended: Mapping[str, float], tokens: Mapping[str, Token]) -> None:
        self._serializer = _serializer(key)
        self._ended = ended
        self._tokens = tokens

    def read(self, value: str, now: float) -> tuple[Caller, float] | None:
        """Who the value stands for and when it expires; None where it does not hold.

        A session that was opened with a token is what the token is now, and ends with it.
        """
        try:
            session, user, role, expires, token_id = self._serializer.loads(value)
        except (BadSignature, ValueError, TypeError):
            return None
        if expires <= now or session in self._ended:
            return None
        if not token_id:
            grants = (("*", "user"),) if role == "user" else ()
            role = "viewer" if role == "user" else role
            return Caller(user=user, role=role, session=session, grants=grants), expires
        token = self._tokens.get(token_id)
        if token is None or (token.expires_at and token.expires_at <= now):
            return None
        return caller_of(token, session), min(expires, token.expires_at or expires)


def caller_of(token: Token, session: str = "") -> Caller:
    """Who a token stands for."""
    return Caller(user=token.name, role=token.role, session=session, grants=token.grants, token=token.id)


def new_session(key: bytes, *, user: str, role: str, expires: float, token: str = "") -> str:
    """The cookie value of a new session; ``expires`` is in Unix seconds, ``token`` the id behind it."""
    return str(_serializer(key).dumps([secrets.token_urlsafe(16), user, role, expires, token]))


def session_values(cookie: bytes) -> list[str]:
    """The session values in a ``Cookie`` header: several, where another path or host set one too."""
    parts = (part.strip() for part in cookie.split(b";"))
    values = [part[len(_COOKIE_PREFIX) :] for part in parts if part.startswith(_COOKIE_PREFIX)]
    return [value.decode("latin-1") for value in values[:4]]


def _serializer(key: bytes) -> URLSafeSerializer:
    return URLSafeSerializer(
        key,
        salt="plugway.session",
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
