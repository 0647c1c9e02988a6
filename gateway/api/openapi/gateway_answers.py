"""What the gateway itself may answer in a plugin's place, as every operation of a plugin says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from gateway.api.problems import MEDIA_TYPE
from gateway.model import Access, PluginState
from gateway.proxy.typed.errors import STATUSES

Follow = Callable[[Mapping[str, Any]], Mapping[str, Any]]

PROBLEM = {"$ref": "#/components/schemas/Problem"}
RPC_PROBLEM = {"$ref": "#/components/schemas/RpcProblem"}

_AWAY = ", ".join(f"`{state}`" for state in PluginState if state is not PluginState.HEALTHY)
_RETRY = {
    "Retry-After": {
        "description": "Seconds after which it is worth trying again.",
        "schema": {"type": "integer", "minimum": 1},
    }
}
_CHALLENGE = {"WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}}}

_ANSWERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "400": ("NotPassedOn", "The path has `.` or `..` as a segment, or is no valid HTTP.", {}),
    "401": ("SignInFirst", "No valid token or session.", _CHALLENGE),
    "403": ("NotAllowed", "Known, but not allowed; or a page of another origin called.", {}),
    "408": ("BodyTooSlow", "The request body came too slowly.", {}),
    "409": (
        "ReleaseRetired",
        "`release-retired`: the page that calls was loaded from a release that is no longer in use.",
        {},
    ),
    "413": ("BodyTooLarge", "The request body is longer than the plugin's limit.", {}),
    "429": (
        "TooManyCalls",
        "More calls than the operator allows; `reason` says of whom: "
        "`rate` (the plugin), `user-rate`, `user-concurrency`, `route-rate` or `route-concurrency`.",
        _RETRY,
    ),
    "431": ("HeadersTooLarge", "The request headers are too large.", {}),
    "502": ("PluginFailed", "`bad-answer`: the plugin answered something that is no HTTP.", {}),
    "503": (
        "PluginUnavailable",
        f"The plugin cannot take the call now; `reason` says why: {_AWAY}; or there are too many calls at "
        "once: `overloaded` (of this plugin), `crowded` or `shedding` (of all).",
        _RETRY,
    ),
    "504": ("PluginTimedOut", "`timed-out`: the plugin did not answer in time.", {}),
}
_KNOWN_ONLY = frozenset({"401"})
"""What a public route does not answer."""


def _codes() -> dict[str, str]:
    by_status: defaultdict[int, list[str]] = defaultdict(list)
    for code, status in STATUSES.items():
        by_status[status].append(f"`{code.name}`")
    return {str(status): ", ".join(sorted(names)) for status, names in sorted(by_status.items())}


_CODES = _codes()


def shared_components() -> dict[str, dict[str, Any]]:
    """The responses that operations of plugins refer to, and the schema that only these need."""
    responses = {name: _problem(words, PROBLEM, headers) for name, words, headers in _ANSWERS.values()}
    for status in sorted({*_CODES, *_ANSWERS}):
        own = f"From the service: {_CODES[status]}." if status in _CODES else ""
        name, words, headers = _ANSWERS.get(status, ("", "", {}))
        ours = f"From the gateway: {words}" if name else ""
        text = "\n\n".join(filter(None, (own, ours)))
        responses[f"Rpc{status}"] = _problem(text, RPC_PROBLEM if own else PROBLEM, headers)
    return {"responses": responses, "schemas": {"RpcProblem": _rpc_problem()}}


def add_answers(operation: dict[str, Any], access: Access, follow: Follow) -> None:
    """What may come from the gateway, beside what the plugin declares of the same statuses.

    ``follow`` gives the response that a reference leads to.
    """
    declared: dict[str, Any] = operation.setdefault("responses", {})
    result = dict(declared)
    for status, (name, words, headers) in _ANSWERS.items():
        if status in _KNOWN_ONLY and access is Access.PUBLIC:
            continue
        theirs = declared.get(status) or declared.get(f"{status[0]}XX") or declared.get("default")
        if theirs is None:
            result[status] = {"$ref": f"#/components/responses/{name}"}
        else:
            result[status] = _joined(follow(theirs), words, headers)
    operation["responses"] = (
        result if declared else {"default": {"description": "The plugin's answer."}, **result}
    )


def rpc_answers() -> dict[str, Any]:
    """Every failure of a typed call."""
    statuses = sorted({*_CODES, *_ANSWERS})
    return {status: {"$ref": f"#/components/responses/Rpc{status}"} for status in statuses}


def _joined(declared: Mapping[str, Any], words: str, headers: Mapping[str, Any]) -> dict[str, Any]:
    """The plugin's answer of this status, or the gateway's."""
    content = dict(declared.get("content", {}))
    problem = content.get(MEDIA_TYPE, {})
    theirs = problem.get("schema", True)
    # A schema that takes everything takes the gateway's problems as well.
    either = {"anyOf": [theirs, dict(PROBLEM)]} if theirs not in (True, {}) else dict(PROBLEM)
    content[MEDIA_TYPE] = {**problem, "schema": either}
    described = f"{declared.get('description', '')}\n\nFrom the gateway: {words}".strip()
    merged = {**headers, **declared.get("headers", {})}
    return {
        **declared,
        "description": described,
        "content": content,
        **({"headers": merged} if merged else {}),
    }


def _problem(words: str, schema: Mapping[str, Any], headers: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"description": words, "content": {MEDIA_TYPE: {"schema": dict(schema)}}}
    if headers:
        made["headers"] = dict(headers)
    return made


def _rpc_problem() -> dict[str, Any]:
    codes = sorted(code.name for code in STATUSES)
    return {
        "description": "A problem that a typed service, or the gateway for it, answered.",
        "allOf": [
            dict(PROBLEM),
            {
                "type": "object",
                "properties": {
                    "code": {
                        "type": "string",
                        "enum": codes,
                        "description": "gRPC's; absent from the gateway's own.",
                    },
                    "details": {
                        "type": "array",
                        "items": {"type": "object"},
                        "description": "Those of `google.rpc.Status`, as JSON.",
                    },
                },
            },
        ],
    }
