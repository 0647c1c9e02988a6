"""Refusals as RFC 9457 problem documents."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    field: str
    message: str


class ProblemDocument(BaseModel):
    """RFC 9457, for the OpenAPI document."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None


class Problem(Exception):
    """A refusal: ``key`` ends the document's type, ``detail`` says what to do."""

    def __init__(self, status: int, key: str, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.document = {
            "type": f"urn:plugway:problem:{key}",
            "title": title,
            "status": status,
            "detail": detail,
        }


def install(app: FastAPI) -> None:
    """Make every refusal of the app a problem document."""

    @app.exception_handler(Problem)
    async def refused(request: Request, problem: Problem) -> JSONResponse:
        return JSONResponse(problem.document, problem.status, media_type=MEDIA_TYPE)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [
            {"field": "/" + "/".join(map(str, issue["loc"][1:])), "message": issue["msg"]}
            for issue in error.errors()
        ]
        document = {
            "type": "urn:plugway:problem:bad-input",
            "title": "Input refused",
            "status": 422,
            "detail": "; ".join(f"{e['field']}: {e['message']}" for e in errors),
            "errors": errors,
        }
        return JSONResponse(document, 422, media_type=MEDIA_TYPE)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        document = {"type": "about:blank", "title": str(error.detail), "status": error.status_code}
        headers = dict(error.headers or {})
        if error.status_code == 405:
            # The framework names the methods of the first route of this path alone.
            headers["Allow"] = ", ".join(sorted(_methods(app, request)))
        return JSONResponse(document, error.status_code, headers, media_type=MEDIA_TYPE)


def _methods(app: FastAPI, request: Request) -> set[str]:
    here = [route for route in app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return {method for route in here for method in getattr(route, "methods", ())}
