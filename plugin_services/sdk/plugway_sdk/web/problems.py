"""Refusals in words as RFC 9457 problems, for a FastAPI app."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.routing import APIRoute

MEDIA_TYPE = "application/problem+json"


class Refusal(Exception):
    """What went wrong, what to do about it (``hint``), and when to try again (seconds).

    Subclasses give the last part of the problem's ``type``, its title and its HTTP status; ``reason`` is
    a word that the contract knows.
    """

    key: ClassVar[str] = "refused"
    title: ClassVar[str] = "Refused"
    status: ClassVar[int] = 422
    reason: ClassVar[str] = ""

    def __init__(self, detail: str, *, hint: str = "", retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.retry_after = retry_after


class NotConfigured(Refusal):
    """The plugin waits for settings. Counted and logged as such, and not as a failure."""

    key, title, status = "not-configured", "Nothing set", 503
    reason = "not-configured"


class Refused(Refusal):
    """What was sent cannot hold."""


class NotFound(Refusal):
    key, title, status = "not-found", "Not found", 404


class Conflict(Refusal):
    key, title, status = "conflict", "Not in this state", 409


class FieldProblem(BaseModel):
    """One reason against one field."""

    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None
    reason: str | None = None
    errors: list[FieldProblem] | None = None


_REFUSED = {
    "description": "Refused, and why.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
# One of them brings the model into the document: each that does takes time at every start.
_REFUSALS: dict[int | str, dict[str, Any]] = {
    422: {**_REFUSED, "model": Problem},
    "4XX": _REFUSED,
    "5XX": _REFUSED,
}


def new_router(tag: str, prefix: str = "") -> APIRouter:
    """A router whose operations are named after their functions, with the refusals documented."""
    return APIRouter(
        prefix=prefix, tags=[tag], responses=_REFUSALS, generate_unique_id_function=_operation_id
    )


def _operation_id(route: APIRoute) -> str:
    return route.name


def answer_refusals(app: FastAPI, namespace: str) -> None:
    """Answer every :class:`Refusal` and bad input of ``app`` as a problem ``urn:plugway:NAMESPACE:KEY``."""
    app.add_exception_handler(Refusal, _refused(namespace))
    app.add_exception_handler(RequestValidationError, _not_valid(namespace))
    app.add_exception_handler(HTTPException, _plain)


def _answer(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, problem.status, headers, media_type=MEDIA_TYPE)


_Handler = Callable[[Request, Exception], Any]


def _refused(namespace: str) -> _Handler:
    async def handle(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refusal)
        headers = {"retry-after": str(error.retry_after)} if error.retry_after else None
        problem = Problem(
            type=f"urn:plugway:{namespace}:{error.key}",
            title=error.title,
            status=error.status,
            detail=error.detail,
            hint=error.hint or None,
            reason=error.reason or None,
        )
        return _answer(problem, headers)

    return handle


def _not_valid(namespace: str) -> _Handler:
    async def handle(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        fields = [
            FieldProblem(field="/" + "/".join(map(str, issue["loc"])), message=issue["msg"])
            for issue in error.errors()
        ]
        detail = "; ".join(f"{entry.field}: {entry.message}" for entry in fields[:5])
        kind = f"urn:plugway:{namespace}:bad-input"
        return _answer(Problem(type=kind, title="Input refused", status=422, detail=detail, errors=fields))

    return handle


async def _plain(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title = "Not found" if error.status_code == 404 else "Refused"
    problem = Problem(type="about:blank", title=title, status=error.status_code, detail=str(error.detail))
    return _answer(problem, dict(error.headers or {}))
