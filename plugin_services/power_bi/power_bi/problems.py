"""Refusals in words, and how the service's and the way's errors become them.

Refusal
├── NotConfigured     503  no connection yet
├── NoSuchConnection  404
├── Unreachable       503  nothing answers
├── Busy              503  it answers, but not now
├── Throttled         429  too many calls; says when to call again
├── LoginRefused      502  tenant, client or secret
├── NotAllowed        403  what the service principal may do
├── ReadOnly          403  the read-only switch
├── NotFound          404
├── Conflict          409  not in the state that this needs
├── Refused           422  what was sent cannot hold
└── ServiceRefused    502  anything else that the service says
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import httpx
from plugway_sdk.unreachable import why_unreachable
from plugway_sdk.web import problems
from plugway_sdk.web.problems import Conflict, NotFound, Refusal, Refused

from power_bi.answer import Answer

TENANT_HINT = (
    "Let service principals use the APIs in Power BI's tenant settings, and make this one a member of the "
    "workspace."
)


class NotConfigured(problems.NotConfigured):
    title = "No Power BI set"


class Unreachable(Refusal):
    key, title, status = "unreachable", "Power BI does not answer", 503


class Busy(Refusal):
    key, title, status = "busy", "Power BI is busy", 503


class Throttled(Refusal):
    key, title, status = "throttled", "Too many calls", 429


class LoginRefused(Refusal):
    key, title, status = "login-refused", "The login was refused", 502


class NotAllowed(Refusal):
    key, title, status = "not-allowed", "Power BI does not allow this", 403


class ServiceRefused(Refusal):
    key, title, status = "service-refused", "Power BI refused", 502


# Microsoft Entra's own numbers: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
_LOGINS = {
    "7000215": ("The client secret is wrong.", "Enter the secret's value, not its ID."),
    "7000222": ("The client secret has expired.", "Make a new one in Microsoft Entra and enter it."),
    "700016": ("The tenant has no app with this client ID.", "Check client and tenant."),
    "90002": ("There is no such tenant.", "Check the tenant."),
    "900023": ("There is no such tenant.", "Check the tenant."),
    "7000112": ("The app is disabled.", "Enable it in Microsoft Entra."),
    "1002012": ("The scope is not one of this cloud.", "Check the scope."),
}
_CODES: dict[str, tuple[type[Refusal], str, str]] = {
    "PowerBIEntityNotFound": (NotFound, "There is no such item.", "It may be gone: load the list again."),
    "ItemNotFound": (NotFound, "There is no such item.", "It may be gone: load the list again."),
    "PowerBINotAuthorizedException": (
        NotAllowed, "The service principal may not use the API for this.", TENANT_HINT,
    ),
    "PowerBIFolderNotFound": (NotFound, "There is no such workspace.", "Load the list again."),
    "InsufficientScopes": (NotAllowed, "The service principal may not do this.", TENANT_HINT),
    "DMTS_DatasourceHasNoCredentialError": (
        Conflict, "A data source of it has no credentials.", "Enter them in Power BI.",
    ),
}  # fmt: skip
# By what is said, as the code is the same InvalidRequest for all of them.
_SAID: tuple[tuple[str, type[Refusal], str, str], ...] = (
    (
        "already executing", Conflict,
        "A refresh of this dataset is running already.", "Wait for its end, or cancel it.",
    ),
    (
        "refresh limit", Conflict,
        "The dataset has had all refreshes that it may have in a day.",
        "Try tomorrow, or move it to a capacity.",
    ),
    (
        "effective identity", Conflict,
        "The dataset asks who looks (row-level security), which this plugin does not tell.",
        "Open the report in Power BI.",
    ),
)  # fmt: skip
_CAUSES = (
    ("not granted", "this plugin was not granted a connection to it"),
    ("WRONG_VERSION_NUMBER", "it does not speak TLS"),
    ("record layer", "it does not speak TLS"),
)
_MOST = 300


def say_answer(answer: Answer) -> Refusal:
    """What an answer of the API with a status from 400 on means; tokens are in no part of it."""
    status = answer.status
    if status == 429:
        seconds = retry_after(answer)
        return Throttled(
            "Power BI asks to slow down.",
            hint=f"Try again in {seconds} seconds.",
            retry_after=seconds,
        )
    code, words = _error(answer)
    if code in _CODES:
        kind, own, hint = _CODES[code]
        return kind(own, hint=hint)
    for said, kind, own, hint in _SAID:
        if said in words.lower():
            return kind(own, hint=hint)
    words = words or code
    if status == 401:
        return NotAllowed("Power BI does not take the service principal's token.", hint=TENANT_HINT)
    if status == 403:
        return NotAllowed(_sentence("The service principal may not do this", words), hint=TENANT_HINT)
    if status == 404:
        return NotFound("There is no such item.", hint="It may be gone: load the list again.")
    if status in (500, 502, 503, 504):
        return Busy(
            _sentence(f"Power BI failed ({status})", words), retry_after=max(2, retry_after(answer, 2))
        )
    if status in (400, 409, 422):
        return Refused(_sentence("Power BI does not take this", words))
    return ServiceRefused(_sentence(f"Power BI answers {status}", words))


def say_login(answer: Answer) -> Refusal:
    """What an answer of the token endpoint other than a token means; the secret is in no part of it."""
    if answer.status == 429:
        seconds = retry_after(answer)
        return Throttled(
            "The login asks to slow down.", hint=f"Try again in {seconds} seconds.", retry_after=seconds
        )
    if answer.status >= 500:
        return Busy(f"The login failed ({answer.status}).", retry_after=2)
    found = answer.document()
    words = str(found.get("error_description", ""))
    number = re.search(r"AADSTS(\d+)", words)
    if number and number[1] in _LOGINS:
        own, hint = _LOGINS[number[1]]
        return LoginRefused(own, hint=f"{hint} They are in the plugin's settings.")
    if "error" not in found:
        return ServiceRefused(
            f"What answers at {answer.where} is not Microsoft Entra.",
            hint="Check the address of the login in the plugin's settings.",
        )
    known = f" (AADSTS{number[1]})" if number else f" ({str(found['error'])[:60]})"
    return LoginRefused(
        f"Microsoft Entra refuses the service principal{known}.",
        hint="Check tenant, client and secret in the plugin's settings.",
    )


def say_way(error: Exception, url: str) -> Refusal:
    """Nothing answered at ``url``, and why."""
    where = urlsplit(url).netloc
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return Unreachable(
            f"{where} did not answer in time.",
            hint="It may be overloaded or unreachable; the time allowed is in the plugin's settings.",
            retry_after=2,
        )
    return Unreachable(
        f"{where} cannot be reached{why_unreachable(error, _CAUSES)}.",
        hint="Check the network, and the addresses in the plugin's settings.",
        retry_after=2,
    )


def not_power_bi(answer: Answer) -> Refusal:
    """A success that is none of the API's."""
    return ServiceRefused(
        f"What answers at {answer.where} is not Power BI.",
        hint="Check the address of the API in the plugin's settings.",
    )


def retry_after(answer: Answer, default: int = 30) -> int:
    """Seconds that the service asks to wait; ``default`` where it does not say."""
    said = answer.headers.get("retry-after", "")
    return min(int(said), 86_400) if said.isascii() and said.isdigit() else default


def _error(answer: Answer) -> tuple[str, str]:
    error = answer.document().get("error")
    if not isinstance(error, dict):
        return "", ""
    inner = error.get("pbi.error")
    inner = inner if isinstance(inner, dict) else {}
    details = [one.get("message") for one in error.get("details") or () if isinstance(one, dict)]
    words = " ".join(str(one) for one in (error.get("message"), *details) if one)
    return str(error.get("code") or inner.get("code") or ""), words


def _sentence(start: str, words: str) -> str:
    plain = " ".join(words.split())[:_MOST].rstrip(".")
    return f"{start}: {plain}." if plain else f"{start}."
