"""Who calls, proven by the gateway's signature: for this plugin, this release, about a minute."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from plugway_sdk.context import current_message
from plugway_sdk.errors import CallerUnproven, NoCall
from plugway_sdk.scope import CONTEXT

LEEWAY = 10
"""Seconds by which the gateway's clock may differ from this one."""

_LONGEST = 4096
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """``role`` is "admin", "operator", "user" or "viewer": what the caller is to this plugin."""

    user: str
    role: str


class Key(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def public_key(self) -> bytes: ...


class TrustedKeys:
    """The gateway's public keys, as Configure brought them, and what tokens have to name."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._plugin = self._release = ""
        self._keys: dict[str, bytes] = {}
        self._good: dict[str, tuple[Caller, float]] = {}

    def take(self, plugin: str, release: str, keys: Iterable[Key]) -> None:
        """Trust these from now on, and no others."""
        self._plugin, self._release = plugin, release
        self._keys = {key.id: bytes(key.public_key) for key in keys}
        self._good = {}

    def check(self, token: str) -> Caller:
        """Whom the token proves; raises :class:`CallerUnproven`."""
        now = self._clock()
        known = self._good.get(token)
        if known is not None and now < known[1]:
            return known[0]
        if not token:
            raise CallerUnproven("nobody is signed in, or the gateway proves nothing")
        claims = self._claims(token)
        self._judge(claims, now)
        found = Caller(user=claims["sub"], role=claims["role"])
        if len(self._good) >= _REMEMBERED:
            self._good.clear()
        self._good[token] = found, claims["exp"] + LEEWAY
        return found

    def _claims(self, token: str) -> dict[str, Any]:
        """What a token says that one of the keys has signed."""
        try:
            if len(token) > _LONGEST:
                raise ValueError
            head_text, claims_text, signature_text = token.split(".")
            head, signature = _object(head_text), _bytes(signature_text)
            if head.get("alg") != "EdDSA" or head.get("typ") != "plugway-call+jwt":
                raise ValueError
        except (ValueError, binascii.Error):
            raise CallerUnproven("this is no token of a call") from None
        key = self._keys.get(str(head.get("kid")))
        if key is None:
            raise CallerUnproven("the token was signed with a key that the gateway did not name")
        # Imported when first needed: many plugins never ask, and would pay for it at their start.
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            signed = f"{head_text}.{claims_text}".encode()
            Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
            return _object(claims_text)
        except (InvalidSignature, ValueError, binascii.Error):
            raise CallerUnproven("the signature of the token does not hold") from None

    def _judge(self, claims: dict[str, Any], now: float) -> None:
        kinds = {"iss": str, "sub": str, "role": str, "aud": str, "release": str, "iat": int, "exp": int}
        if any(type(claims.get(name)) is not kind for name, kind in kinds.items()):
            raise CallerUnproven("the token lacks a claim")
        if claims["iss"] != "plugway" or claims["aud"] != self._plugin:
            raise CallerUnproven("the token was made for another plugin")
        if claims["release"] != self._release:
            raise CallerUnproven("the token was made for another release of this plugin")
        if claims["exp"] + LEEWAY <= now:
            raise CallerUnproven("the token has expired")
        if claims["iat"] - LEEWAY > now:
            raise CallerUnproven("the token is from the future: the clocks differ")


trusted_keys = TrustedKeys()
"""Those of this process, which is one plugin."""


def caller(request: Any = None) -> Caller:
    """Who calls, checked. ``request`` is a Starlette or FastAPI request, a WebSocket, an ASGI scope, or
    nothing for the call being answered.

    Raises :class:`CallerUnproven` where nothing proves it, as on a public route without a caller, and
    :class:`NoCall` outside of a call.
    """
    scope = getattr(request, "scope", request)
    context = current_message.get() if scope is None else scope.get(CONTEXT)
    if context is None:
        raise NoCall("caller() only works while a call is being answered")
    return trusted_keys.check(context.token)


def _object(text: str) -> dict[str, Any]:
    value = json.loads(_bytes(text))
    if not isinstance(value, dict):
        raise ValueError("no object")  # noqa: TRY004 - all that is malformed is told alike
    return value


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
