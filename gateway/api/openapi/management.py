"""The management API's own OpenAPI document."""

from __future__ import annotations

import copy
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.api.instance_views import LogLineView
from gateway.api.openapi.fragment import SIGNED_IN
from gateway.api.openapi.gateway_answers import shared_components
from gateway.api.problems import MEDIA_TYPE, Problem, problem_answer
from gateway.api.rights import OPEN
from gateway.api.system_views import EventView
from gateway.definition import PluginDefinition

REF = "#/components/schemas/{model}"
TAGS = [
    {"name": "plugins", "description": "What is installed, and how it is."},
    {"name": "settings", "description": "What operators set."},
    {"name": "rollouts", "description": "Moving a plugin to another version, and back."},
    {"name": "events", "description": "What happens, as it happens."},
    {"name": "session", "description": "Signing in and out."},
    {"name": "tokens", "description": "Who else may call."},
    {"name": "audit", "description": "Who did what."},
    {"name": "catalogues", "description": "Signed lists of plugins that this gateway reads."},
    {"name": "system", "description": "The gateway itself."},
]
SECURITY_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `/api/v1/tokens`, or the one in `admin.token` of PLUGWAY_HOME.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "plugway_session",
        "description": "A browser session. Calls that change something also need a same-origin `Origin`.",
    },
}
_DESCRIPTION = (
    "One API for the gateway and all of its plugins. Errors are RFC 9457 problem documents "
    f"(`{MEDIA_TYPE}`) with a stable `type`. The paths of plugins lie under `/plugins/{{id}}/api`; "
    "the tags name them."
)


def management_document(app: FastAPI) -> dict[str, Any]:
    """The document for the routes of ``app``, with security and every schema it refers to."""
    document = get_openapi(
        title="Plugway",
        version=app.version,
        openapi_version="3.1.0",
        description=_DESCRIPTION,
        routes=app.routes,
        tags=copy.deepcopy(TAGS),
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for model in (Problem, EventView, LogLineView):
        _add(schemas, model.__name__, model.model_json_schema(ref_template=REF, mode="serialization"))
    _add(schemas, "PluginDefinitionInput", _definition_input())
    shared = shared_components()
    components["responses"] = shared["responses"]
    schemas.update(shared["schemas"])
    components["securitySchemes"] = copy.deepcopy(SECURITY_SCHEMES)
    # The framework's own validation answer; ours is a problem like every other error.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, item in document["paths"].items():
        for method, operation in item.items():
            _complete_answers(operation)
            is_open = (method.upper(), path) in OPEN
            operation["security"] = [] if is_open else copy.deepcopy(SIGNED_IN)
    return document


def _complete_answers(operation: dict[str, Any]) -> None:
    """What every route with input may answer, instead of the framework's word on it."""
    answers = operation["responses"]
    if "application/json" in answers.get("422", {}).get("content", {}):
        del answers["422"]
    statuses = [422] if operation.get("parameters") else []
    if "requestBody" in operation:
        statuses = [400, 413, 422]
    for status in statuses:
        answers.setdefault(str(status), problem_answer(status))


def _definition_input() -> dict[str, Any]:
    schema = PluginDefinition.model_json_schema(ref_template=REF, mode="validation")
    # Accepted where sourceUrl shows which source is meant.
    source = {"enum": [*schema["$defs"]["Source"]["enum"], "external"], "type": "string"}
    schema["properties"]["source"] = {**source, "default": "built-in", "title": "Source"}
    return schema


def _add(schemas: dict[str, Any], name: str, schema: dict[str, Any]) -> None:
    for inner, definition in schema.pop("$defs", {}).items():
        schemas.setdefault(inner, definition)
    schemas.setdefault(name, schema)
