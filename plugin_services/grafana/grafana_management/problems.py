"""Refusals in words, and how Grafana's own answers become them.

Refusal
├── NotConfigured     503  no connection yet
├── NoSuchConnection  404
├── Unreachable       503  the server does not answer
├── Busy              503  it answers, but not now
├── LoginRefused      502  token, or user and password
├── NotAllowed        403  the permissions of that login
├── ReadOnly          403  the read-only switch
├── NotFound          404
├── Conflict          409  not in the state that this needs
├── NotSupported      501  the server has no such call
├── Refused           422  what was sent cannot hold
└── ServerRefused     502  anything else that the server says
"""

from __future__ import annotations

import re
from typing import Any

from plugway_sdk.web import problems
from plugway_sdk.web.problems import Conflict, NotFound, Refusal, Refused

from grafana_management.settings import Connection


class NotConfigured(problems.NotConfigured):
    title = "No Grafana set"


class Unreachable(Refusal):
    key, title, status = "unreachable", "Grafana does not answer", 503


class Busy(Refusal):
    key, title, status = "busy", "Grafana is busy", 503


class LoginRefused(Refusal):
    key, title, status = "login-refused", "Grafana refused the login", 502


class NotAllowed(Refusal):
    key, title, status = "not-allowed", "Grafana does not allow this", 403


class NotSupported(Refusal):
    key, title, status = "not-supported", "Not supported", 501


class ServerRefused(Refusal):
    key, title, status = "server-refused", "Grafana refused", 502


CHANGED = "Somebody else has changed it meanwhile."
EXISTS = "There is one of this name or identity already."
REPLACE = "Say that it is to be replaced."
# What the status of a 412 says.
_CONFLICTS = {
    "version-mismatch": (CHANGED, "Load it again, or say that yours is to replace it."),
    "name-exists": (EXISTS, REPLACE),
    "plugin-dashboard": ("It belongs to a plugin of Grafana.", REPLACE),
}
_BUSY = frozenset((429, 502, 503, 504))


def say(status: int, document: Any, connection: Connection, retry_after: float | None = None) -> Refusal:
    """The refusal that tells an answer of Grafana; neither token nor password is part of it.

    ``document`` is the answer's JSON, None where it was none; ``retry_after`` is in seconds.
    """
    where = f"Grafana at {connection.address}"
    words = _clean(_words(document), connection)
    if status == 401:
        return _login(words, connection)
    if status in _BUSY:
        again = max(1, round(retry_after or 2))
        if status == 429:
            return Busy(f"{where} asks to slow down.", hint=f"Try again in {again} s.", retry_after=again)
        return Busy(f"{where} is not ready (it answers {status}).", retry_after=again)
    if document is None and status < 500:
        return not_grafana(connection)
    if "provenance" in words.lower():
        return NotAllowed("It comes from elsewhere.", hint="Change it there: in a file on Grafana's server.")
    if status == 403:
        return _forbidden(words, connection)
    if status == 404:
        return NotFound(words or "There is no such thing.", hint="It may be gone: load the list again.")
    if status in (409, 412):
        code = document.get("status") if isinstance(document, dict) else ""
        told, hint = _CONFLICTS.get(str(code), ("", ""))
        return Conflict(told or words or "It is not in the state that this needs.", hint=hint)
    if status in (405, 501):
        return NotSupported("This Grafana has no such function.")
    if 400 <= status < 500:
        return Refused(words or f"Grafana refused it ({status}).")
    return ServerRefused(f"Grafana failed: {words}" if words else f"Grafana failed ({status}).")


def not_grafana(connection: Connection) -> Refusal:
    """What answers is something else, or a page to log in by."""
    return ServerRefused(
        f"What answers at {connection.address} does not speak Grafana's API.",
        hint="Check the address in the plugin's settings, with the path where Grafana is served below one.",
    )


def _words(document: Any) -> str:
    """What the answer says of itself, as one sentence."""
    if not isinstance(document, dict):
        return ""
    text = document.get("message") or document.get("error") or ""
    if document.get("status") == "error" and isinstance(document.get("results"), dict):
        text = "the query failed"
    text = re.sub(r"\s+", " ", str(text)).strip()[:600]
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def _login(words: str, connection: Connection) -> Refusal:
    if "expired" in words.lower():
        return LoginRefused(
            f"The token for Grafana at {connection.address} has expired.",
            hint="Make a new one in Grafana and enter it in the plugin's settings.",
        )
    return LoginRefused(
        f"Grafana at {connection.address} refused {connection.login or 'to answer without a login'}.",
        hint="Check it in the plugin's settings; the organisation has to be one that it belongs to.",
    )


def _forbidden(words: str, connection: Connection) -> Refusal:
    if "quota" in words.lower():
        return Conflict(words, hint="Delete what is not needed, or raise the quota in Grafana.")
    wanted = re.search(r"Permissions needed: ([\w.:*, -]+?)\.?$", words)
    name = connection.login or "Who is not logged in"
    return NotAllowed(
        f"{name[:1].upper()}{name[1:]} may not do this" + (f": it takes {wanted[1]}." if wanted else "."),
        hint="Give it a role that may, or use another login in the plugin's settings.",
    )


def _clean(text: str, connection: Connection) -> str:
    for secret in (connection.token.get_secret_value(), connection.password.get_secret_value()):
        if secret:
            text = text.replace(secret, "***")
    return text
