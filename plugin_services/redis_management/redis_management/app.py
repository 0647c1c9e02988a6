"""The plugin's HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from redis_management import clients, create, keys, matching, server, slow_log
from redis_management.connections import Connections
from redis_management.problems import Refusal
from redis_management.routing import MEDIA_TYPE, FieldProblem, Problem
from redis_management.values import hashes, lists, sets, sorted_sets, streams, strings

_MODULES = (
    server, keys, matching, create, strings, hashes, lists, sets, sorted_sets, streams, slow_log, clients,
)  # fmt: skip


def create_app(connections: Connections) -> FastAPI:
    """The API over ``connections``; it makes no connection by itself."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await connections.close()

    app = FastAPI(
        title="Redis manager",
        version="1.0.0",
        summary="Look into a Redis server and change what is there.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # Given as they are: an included router's routes are all built a second time.
        routes=[route for module in _MODULES for route in module.router.routes],
    )
    app.state.connections = connections
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _plain)
    return app


def _problem(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, problem.status, headers, media_type=MEDIA_TYPE)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    headers = {"retry-after": str(error.retry_after)} if error.retry_after else None
    return _problem(
        Problem(
            type=f"urn:plugway:redis:{error.key}",
            title=error.title,
            status=error.status,
            detail=error.detail,
            hint=error.hint or None,
        ),
        headers,
    )


async def _not_valid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    fields = [
        FieldProblem(field="/" + "/".join(map(str, issue["loc"])), message=issue["msg"])
        for issue in error.errors()
    ]
    detail = "; ".join(f"{entry.field}: {entry.message}" for entry in fields[:5])
    return _problem(
        Problem(
            type="urn:plugway:redis:bad-input",
            title="Input refused",
            status=422,
            detail=detail,
            errors=fields,
        )
    )


async def _plain(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _problem(
        Problem(
            type="about:blank",
            title="Not found" if error.status_code == 404 else "Refused",
            status=error.status_code,
            detail=str(error.detail),
        ),
        dict(error.headers or {}),
    )
