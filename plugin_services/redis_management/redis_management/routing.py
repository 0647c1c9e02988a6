"""How every module makes its routes: with the same refusals documented."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel

MEDIA_TYPE = "application/problem+json"


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
    """A router whose operations are named after their functions."""
    return APIRouter(
        prefix=prefix, tags=[tag], responses=_REFUSALS, generate_unique_id_function=_operation_id
    )


def _operation_id(route: APIRoute) -> str:
    return route.name
