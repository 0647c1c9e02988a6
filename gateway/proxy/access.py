"""Whether this caller may make this call."""

from __future__ import annotations

from typing import Protocol

from plugway.plugin.v1.http_pb2 import CallContext

from gateway.access.csrf import WEBSOCKET, forbidden_reason, host_allowed
from gateway.access.roles import may_call, role_on
from gateway.errors import PlugwayError
from gateway.model import Access, Caller
from gateway.proxy.head import Head
from gateway.proxy.problems import NotAllowed, SignInFirst
from gateway.settings import Settings

Pairs = list[tuple[bytes, bytes]]


class Identifies(Protocol):
    """What the data plane asks of the gatekeeper."""

    def identify(self, authorization: bytes | None, cookie: bytes | None) -> Caller | None: ...
    def call_token(self, user: str, role: str, plugin: str, release: str) -> str: ...


class Doorman:
    """Judges calls. ``judge`` returns the caller, or the error that answers the call."""

    def __init__(self, gatekeeper: Identifies, settings: Settings) -> None:
        self.identify = gatekeeper.identify
        self._call_token = gatekeeper.call_token
        self._settings = settings

    def prove(self, context: CallContext, plugin: str, release: str) -> None:
        """Put into ``context`` what proves to this release who calls; nothing where nobody is known."""
        if context.user:
            context.token = self._call_token(context.user, context.role, plugin, release)

    def judge(
        self, access: Access, method: str, head: Head, headers: Pairs, plugin: str
    ) -> Caller | PlugwayError | None:
        """The caller (None on a public route) or why not. ``method`` is WEBSOCKET for those."""
        caller = self.identify(head.authorization, head.cookie)
        if caller is None:
            if access is not Access.PUBLIC:
                return SignInFirst(
                    f"This part of {plugin} needs a valid token or session.",
                    plugin=plugin,
                    hint="Send 'Authorization: Bearer TOKEN', or sign in to the console.",
                )
            return self._judge_host(head, plugin)
        if caller.session and (refused := self._judge_session(caller, method, head, headers, plugin)):
            return refused
        if not may_call(role_on(caller, plugin), access, method):
            return _not_allowed(caller, access, plugin)
        return caller

    def _judge_session(
        self, caller: Caller, method: str, head: Head, headers: Pairs, plugin: str
    ) -> PlugwayError | None:
        reason = forbidden_reason(method, headers, caller, public_url=self._settings.public_url)
        if reason:
            return NotAllowed(f"Refused, as {reason}.", plugin=plugin)
        return self._judge_host(head, plugin)

    def _judge_host(self, head: Head, plugin: str) -> PlugwayError | None:
        # Without a token a page of another site may stand behind the call (DNS rebinding).
        if host_allowed(head.host, self._settings):
            return None
        return NotAllowed(
            "The Host header does not name this gateway.",
            plugin=plugin,
            hint="Set PLUGWAY_PUBLIC_URL or PLUGWAY_ALLOWED_HOSTS to the name that clients use.",
        )


def _not_allowed(caller: Caller, access: Access, plugin: str) -> PlugwayError:
    role = role_on(caller, plugin)
    if access is Access.ADMIN:
        why = f"This part of {plugin} is for administrators."
    elif role:
        why = f"A {role} of {plugin} may only read here (GET, HEAD, OPTIONS)."
    else:
        why = f"'{caller.user}' was granted nothing of {plugin}."
    return NotAllowed(why, plugin=plugin, hint="Ask an administrator for a token with a grant.")


__all__ = ["WEBSOCKET", "Doorman", "Identifies"]
