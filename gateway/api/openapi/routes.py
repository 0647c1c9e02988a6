"""The unified OpenAPI document."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI

from gateway.access.roles import Role
from gateway.api.access import needs
from gateway.api.openapi.management import management_document
from gateway.api.parts import Parts
from gateway.api.problems import responses


def openapi_routes(parts: Parts, app: FastAPI) -> APIRouter:
    router = APIRouter(tags=["system"])

    @router.get(
        "/openapi.json",
        operation_id="getOpenApi",
        summary="This document",
        description="OpenAPI 3.1 of the management API and of every plugin's routes.",
        dependencies=[needs(Role.VIEWER)],
        responses=responses(),
    )
    async def get_openapi() -> dict[str, Any]:
        return management_document(app)

    return router
