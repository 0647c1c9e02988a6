"""The check of an ID token (OpenID Connect Core 1.0, 3.1.3.7), with a reason in words for each refusal."""

from __future__ import annotations

import hmac
from typing import Any, TypeGuard

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from gateway.oidc.errors import LoginRefused

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Never ``none``, and none of those whose key is the client's secret."""

LEEWAY = 60
"""Seconds by which the provider's clock may differ from ours."""


class NotSigned(LoginRefused):
    """Not signed with one of the keys that are known; the provider may have new ones."""


def check_id_token(
    token: str, keys: dict[str, Any], *, issuer: str, client_id: str, nonce: str, now: float
) -> dict[str, Any]:
    """The claims; raises :class:`LoginRefused`. ``now`` is in Unix seconds."""
    claims = _signed(token, keys)
    if claims.get("iss") != issuer:
        raise LoginRefused("The ID token is of another issuer.")
    audience = claims.get("aud")
    several = audience if isinstance(audience, list) else [audience]
    if client_id not in several or (len(several) > 1 and claims.get("azp") != client_id):
        raise LoginRefused("The ID token was made for another client.")
    expires, issued = claims.get("exp"), claims.get("iat")
    if not _is_time(expires) or not _is_time(issued):
        raise LoginRefused("The ID token has no times.")
    if expires + LEEWAY <= now:
        raise LoginRefused("The ID token has expired.", hint="Sign in again; see whether the clocks agree.")
    if issued - LEEWAY > now:
        raise LoginRefused("The ID token is from the future.", hint="See whether the clocks agree.")
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise LoginRefused("The ID token belongs to another sign-in (its nonce differs).")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise LoginRefused("The ID token names nobody.")
    return claims


def _signed(token: str, keys: dict[str, Any]) -> dict[str, Any]:
    try:
        decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=ALGORITHMS)  # type: ignore[arg-type]
    except InvalidKeyIdError:
        raise NotSigned("The ID token is signed with a key that the provider does not name.") from None
    except (JoseError, ValueError, KeyError, TypeError):
        raise NotSigned("The signature of the ID token does not hold.") from None
    return dict(decoded.claims)


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
