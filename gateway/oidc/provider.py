"""A sign-in provider: OpenID Connect with authorization code, PKCE, state and nonce.

httpx and Authlib are imported with the first sign-in, not at a start.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gateway.errors import PlugwayError
from gateway.oidc.errors import LoginRefused, NoProvider, NoRole, ProviderAway
from gateway.oidc.library import client_class
from gateway.oidc.roles import read_mapping, role_of
from gateway.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from authlib.integrations.httpx_client import AsyncOAuth2Client

_TIMEOUT = 10.0
_KEEP = 3600.0


@dataclass(frozen=True, slots=True)
class Pending:
    """What a browser keeps while its user is at the provider."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who signed in. ``role`` is one of the gateway's, or ``user``."""

    user: str
    role: str


class OidcProvider:
    """The one provider of this gateway. Constructing asks nobody; a bad mapping is told at once."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._roles = read_mapping(settings.oidc_roles)
        self._metadata: tuple[dict[str, Any], float] | None = None
        self._keys: dict[str, Any] | None = None

    @property
    def configured(self) -> bool:
        return bool(self._settings.oidc_issuer)

    async def begin(self, redirect: str) -> tuple[str, Pending]:
        """Where to send the browser, and what it has to keep. Raises :class:`ProviderAway`."""
        metadata = await self._discover()
        pending = Pending(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))
        async with self._client(metadata, redirect) as client:
            url, _ = client.create_authorization_url(
                metadata["authorization_endpoint"],
                state=pending.state,
                nonce=pending.nonce,
                code_verifier=pending.verifier,
            )
        return str(url), pending

    async def finish(self, pending: Pending, answer: Mapping[str, str], redirect: str) -> Person:
        """Who came back with ``answer``, the query of the callback.

        Raises :class:`LoginRefused`, :class:`NoRole`, :class:`ProviderAway`.
        """
        if not hmac.compare_digest(answer.get("state", "").encode(), pending.state.encode()):
            raise LoginRefused("The answer belongs to another sign-in.", hint="Begin again.")
        if error := answer.get("error"):
            words = answer.get("error_description") or error
            raise LoginRefused(f"The provider refused: {words[:200]}")
        if not (code := answer.get("code")):
            raise LoginRefused("The provider sent no code.")
        metadata = await self._discover()
        if "iss" in answer and answer["iss"] != metadata["issuer"]:
            raise LoginRefused("The answer is of another provider.")
        async with self._client(metadata, redirect) as client:
            token = await self._exchange(client, metadata, code, pending.verifier)
            claims = await self._check(metadata, token, pending.nonce)
            wanted = self._settings.oidc_role_claim
            if not role_of(claims, wanted, self._roles) and metadata.get("userinfo_endpoint"):
                claims = {**await self._userinfo(client, metadata, claims["sub"]), **claims}
        return self._person(claims)

    def _person(self, claims: Mapping[str, Any]) -> Person:
        name = self._settings.oidc_user_claim
        user = claims.get(name)
        if not isinstance(user, str) or not user or len(user) > 200 or not user.isprintable():
            raise LoginRefused(f"The provider says no '{name}' of you.", hint="See PLUGWAY_OIDC_USER_CLAIM.")
        if name == "email" and claims.get("email_verified") is False:
            raise LoginRefused("The provider has not verified your e-mail address.")
        role = role_of(claims, self._settings.oidc_role_claim, self._roles)
        if not role:
            raise NoRole(
                f"'{user}' is known to the provider, and has no role here.",
                hint="Ask an administrator: PLUGWAY_OIDC_ROLES maps what the provider says to roles.",
            )
        return Person(user, role)

    async def _exchange(
        self, client: AsyncOAuth2Client, metadata: Mapping[str, Any], code: str, verifier: str
    ) -> dict[str, Any]:
        from authlib.integrations.base_client import OAuthError

        try:
            with _away():
                token = await client.fetch_token(
                    metadata["token_endpoint"], grant_type="authorization_code", code=code,
                    code_verifier=verifier,
                )  # fmt: skip
        except OAuthError as error:
            raise LoginRefused(f"The provider refused the code: {str(error.error)[:100]}.") from None
        if not isinstance(token.get("id_token"), str):
            raise LoginRefused("The provider sent no ID token.", hint="PLUGWAY_OIDC_SCOPES needs 'openid'.")
        return dict(token)

    async def _check(
        self, metadata: Mapping[str, Any], token: Mapping[str, Any], nonce: str
    ) -> dict[str, Any]:
        from gateway.oidc.id_token import NotSigned, check_id_token

        for fresh in (False, True):
            keys = await self._key_set(metadata, fresh=fresh)
            try:
                return check_id_token(
                    token["id_token"], keys, issuer=metadata["issuer"],
                    client_id=self._settings.oidc_client_id, nonce=nonce, now=self._clock(),
                )  # fmt: skip
            except NotSigned:
                # Providers change their keys; those that are known may be old.
                if fresh:
                    raise
        raise AssertionError("unreachable")

    async def _userinfo(
        self, client: AsyncOAuth2Client, metadata: Mapping[str, Any], subject: str
    ) -> dict[str, Any]:
        with _away():
            answer = await client.get(metadata["userinfo_endpoint"])
            answer.raise_for_status()
            claims = answer.json()
        if not isinstance(claims, dict) or claims.get("sub") != subject:
            raise LoginRefused("What the provider says of you is about somebody else.")
        return claims

    async def _discover(self) -> dict[str, Any]:
        if not self.configured:
            raise NoProvider("No sign-in provider is set up.", hint="See docs/access.md.")
        if self._metadata is not None and self._metadata[1] > self._clock():
            return self._metadata[0]
        issuer = self._settings.oidc_issuer
        found = await self._get(issuer.rstrip("/") + "/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            raise ProviderAway(
                f"What answers at {issuer} says that it is {str(found.get('issuer'))[:200]}.",
                hint="PLUGWAY_OIDC_ISSUER must be exactly what it says.",
            )
        self._metadata = found, self._clock() + _KEEP
        return found

    async def _key_set(self, metadata: Mapping[str, Any], *, fresh: bool) -> dict[str, Any]:
        if self._keys is None or fresh:
            self._keys = await self._get(metadata["jwks_uri"])
        return self._keys

    async def _get(self, url: str) -> dict[str, Any]:
        import httpx

        context = await asyncio.to_thread(self._tls)
        async with httpx.AsyncClient(verify=context, trust_env=False, timeout=_TIMEOUT) as client:
            with _away():
                answer = await client.get(url)
                answer.raise_for_status()
                found = answer.json()
        if not isinstance(found, dict):
            raise ProviderAway(f"What answers at {urlsplit(url).netloc} is no OpenID provider.")
        return found

    @asynccontextmanager
    async def _client(self, metadata: Mapping[str, Any], redirect: str) -> AsyncIterator[AsyncOAuth2Client]:
        settings, client_of = self._settings, await asyncio.to_thread(client_class)
        secret = await asyncio.to_thread(self._secret)
        offered = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        basic = "client_secret_basic" in offered
        method = ("client_secret_basic" if basic else "client_secret_post") if secret else "none"
        async with client_of(
            client_id=settings.oidc_client_id, client_secret=secret or None, scope=settings.oidc_scopes,
            redirect_uri=redirect, code_challenge_method="S256", token_endpoint_auth_method=method,
            verify=await asyncio.to_thread(self._tls), trust_env=False, timeout=_TIMEOUT,
        ) as client:  # fmt: skip
            yield client

    def _secret(self) -> str:
        file = self._settings.oidc_client_secret_file
        if file is None:
            return ""
        try:
            return file.read_text().strip()
        except OSError as error:
            raise ProviderAway(
                f"The client secret in {file} cannot be read: {error.strerror}.",
                hint="See PLUGWAY_OIDC_CLIENT_SECRET_FILE.",
            ) from None

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._settings.fetch_ca_file is not None:
            context.load_verify_locations(self._settings.fetch_ca_file)
        return context


class _away:  # noqa: N801  reads as a statement where it is used
    """Turns what httpx raises into :class:`ProviderAway`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        import httpx

        if isinstance(error, PlugwayError):
            return
        if isinstance(error, httpx.HTTPError | httpx.InvalidURL | ValueError):
            raise ProviderAway(
                f"The sign-in provider does not answer as it should ({type(error).__name__}).",
                hint="Try again, or sign in with a token.",
                retry_after=5.0,
            ) from error
