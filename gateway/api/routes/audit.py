"""The audit log: read in pages, or exported whole."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field
from starlette.responses import StreamingResponse

from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.api.streams import NDJSON
from gateway.api.view_base import View

_Since = Annotated[AwareDatetime | None, Query(description="Only entries from this moment on.")]
_CONTENT: dict[str, Any] = {
    NDJSON: {
        "schema": {"type": "string"},
        "example": '{"act": "restartPlugin", "phase": "begun", "seq": 1, "previous": "...", "hash": "..."}\n',
    }
}


class AuditEntryView(View):
    """One entry. An act has two: `begun` before it is done, and `done` with its outcome."""

    seq: int
    at: datetime
    act: str = Field(description="The operation's id in this document.", examples=["restartPlugin"])
    phase: str = Field(description="`begun`, `done`, or `refused` at the door.")
    on: dict[str, str] = Field(description="What the path names.", examples=[{"id": "notes"}])
    user: str
    role: str
    token: str = Field(description="Id of the token behind the caller; empty for none.")
    by: str = Field(description="`token`, `session`, or empty where nobody is known.")
    from_: str = Field(alias="from", description="The address of whoever connected.")
    request: str = Field(description="The answer's `X-Request-Id`.")
    status: int | None = Field(None, description="The answer's; 0 where there was none; null while begun.")
    problem: str = Field("", description="The kind of problem, where there was one.")
    begun: int | None = Field(None, description="The number of the entry that this is the outcome of.")
    facts: dict[str, Any] = Field({}, description="What the act was about. Never a secret.")
    left_out: int = Field(0, alias="left_out", description="Refusals before this one that were too many.")
    previous: str = Field(description="The hash of the entry before.")
    hash: str


class AuditPage(View):
    entries: list[AuditEntryView] = Field(description="Newest first.")


def audit_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/v1/audit", tags=["audit"])

    @router.get("", operation_id="readAudit", summary="Read the audit log", responses=responses(422))
    async def read_audit(
        before: Annotated[
            int, Query(ge=0, le=2**31 - 1, description="Only entries before this number; 0 for the newest.")
        ] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        since: _Since = None,
    ) -> AuditPage:
        found = await parts.audit.newest(before, limit, since.timestamp() if since else 0.0)
        return AuditPage(entries=[AuditEntryView.model_validate(entry) for entry in found])

    @router.get(
        "/export",
        operation_id="exportAudit",
        summary="Export the audit log",
        description="Oldest first, one entry a line, as it was hashed: docs/access.md says how to check it.",
        response_class=StreamingResponse,
        responses={**responses(422), 200: {"description": "The entries.", "content": _CONTENT}},
    )
    async def export_audit(since: _Since = None) -> StreamingResponse:
        entries = parts.audit.all(since.timestamp() if since else 0.0)
        # The first is asked for before the answer begins, so that a database that is away is a 503.
        first = await anext(entries, None)
        return StreamingResponse(_lines(first, entries), media_type=NDJSON)

    return router


async def _lines(first: dict[str, Any] | None, rest: AsyncIterator[dict[str, Any]]) -> AsyncIterator[str]:
    if first is None:
        return
    yield json.dumps(first) + "\n"
    async for entry in rest:
        yield json.dumps(entry) + "\n"
