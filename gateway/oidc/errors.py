"""What can go wrong at a sign-in by OpenID Connect, in words for whoever signs in."""

from __future__ import annotations

from gateway.errors import Forbidden, NotFound, Unauthenticated, Unavailable


class NoProvider(NotFound):
    """No provider is configured."""

    key, title = "no-oidc-provider", "Sign-in by a provider is not set up"


class ProviderAway(Unavailable):
    """The provider does not answer, or not as OpenID Connect says."""

    key, title = "oidc-provider-away", "The sign-in provider does not answer"


class LoginRefused(Unauthenticated):
    """The provider refused it, or what it sent does not hold."""

    key, title = "oidc-login-refused", "The sign-in did not hold"


class NoRole(Forbidden):
    """The person is known, and has no role here."""

    key, title = "oidc-no-role", "No role for you here"
