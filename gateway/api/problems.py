"""Every error of the management API as an RFC 9457 problem document."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gateway.api.methods import allow
from gateway.errors import BadInput, Forbidden, PlugwayError, Unauthenticated

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """One reason against one field."""

    field: str = Field(
        description="JSON Pointer into the body; `?name` for a query parameter.", examples=["/password"]
    )
    message: str = Field(description="What is wrong with it.", examples=["must not be empty"])


class Problem(BaseModel):
    """RFC 9457 problem document. `type` is stable; programs should look at it and at `reason`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:plugway:problem:not-found",
                    "title": "Not found",
                    "status": 404,
                    "detail": "No plugin is called 'nots'.",
                    "hint": "Did you mean 'notes'?",
                }
            ]
        }
    )

    type: str = Field(description="Stable name of this kind of problem, as a URN.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status, repeated.")
    detail: str = Field("", description="What went wrong this time.")
    hint: str = Field("", description="What to do about it.")
    plugin: str = Field("", description="The plugin concerned.")
    reason: str = Field("", description="Why a plugin is not available: its state.")
    instance: str = Field("", description="Names this very failure in the gateway's log.")
    errors: list[FieldProblem] = Field([], description="What is wrong, field by field.")


class HostRefused(Forbidden):
    """The Host header names something else than this gateway."""

    key, title, status = "host-refused", "Unknown host name", 421


class CrossOrigin(Forbidden):
    """A page of another origin tried to use a session."""

    key, title = "cross-origin", "Refused from another origin"


class BodyTooLarge(PlugwayError):
    """The request body exceeds what the management API reads."""

    key, title, status = "body-too-large", "Body too large", 413


class MalformedJson(PlugwayError):
    """The body is not JSON."""

    key, title, status = "malformed-json", "Not JSON", 400


def problem_response(error: PlugwayError, *, instance: str = "") -> Response:
    """The answer for an error, with the headers that its status asks for."""
    document = error.problem()
    if instance:
        document["instance"] = instance
    headers: dict[str, str] = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="plugway"'
    if error.retry_after is not None:
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after)))
    return _response(document, headers)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route declares of its errors; those of the door and of the database are common to all."""
    return {status: problem_answer(status) for status in sorted({401, 403, 421, 500, 503, *statuses})}


def problem_answer(status: int) -> dict[str, Any]:
    """A response object of OpenAPI."""
    return {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def install_handlers(app: FastAPI) -> None:
    """Answer the framework's own errors as problems too."""
    app.add_exception_handler(PlugwayError, _plugway_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)


def unauthenticated(detail: str = "This needs a token or a session.") -> Unauthenticated:
    return Unauthenticated(
        detail,
        hint="Send 'Authorization: Bearer <token>' (the token is in the file admin.token of PLUGWAY_HOME), "
        "or sign in with the link that 'plugway token' prints.",
    )


async def _plugway_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, PlugwayError)
    return problem_response(error)


async def _validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    issues = error.errors()
    if any(issue["type"] == "json_invalid" for issue in issues):
        return problem_response(MalformedJson("The body is not valid JSON."))
    # The values sent are left out on purpose: one of them may be a secret.
    fields = {_field(issue["loc"]): _message(issue) for issue in issues}
    return problem_response(BadInput("The request does not hold.", fields=fields))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    document = {
        "type": f"urn:plugway:problem:{phrase.lower().replace(' ', '-')}",
        "title": phrase,
        "status": error.status_code,
        "detail": _HTTP_DETAIL.get(error.status_code, phrase),
    }
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        # The framework names the methods of the first route of this path alone.
        headers["Allow"] = allow(request.url.path)
    return _response(document, headers)


_HTTP_DETAIL = {
    404: "There is nothing under this path. The paths are listed in /openapi.json and /docs.",
    405: "This path does not take that method; the header Allow says which it takes.",
}


def _field(location: tuple[Any, ...]) -> str:
    place, *path = location
    if place == "body":
        return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
    return f"?{path[0]}" if place == "query" and path else "/".join(str(part) for part in path)


def _message(issue: Mapping[str, Any]) -> str:
    return "unknown field" if issue["type"] == "extra_forbidden" else str(issue["msg"])


def _response(document: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    return Response(json.dumps(document), document["status"], dict(headers), MEDIA_TYPE)
