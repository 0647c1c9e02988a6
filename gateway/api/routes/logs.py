"""A plugin's output, once or as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import StreamingResponse

from gateway.api.convert import log_view
from gateway.api.parts import Parts
from gateway.api.ports import InstanceLogLine
from gateway.api.problems import responses
from gateway.api.routes.plugins import PluginPath
from gateway.api.streams import EVENT_STREAM, NDJSON, RETRY, Beats, comment, event, stream
from gateway.model import PluginId

# Seconds that the runtime gets to say that it cannot read the logs, before the answer begins.
_PATIENCE = 0.5

_LINE = {"$ref": "#/components/schemas/LogLineView"}
_CONTENT: dict[str, Any] = {
    NDJSON: {
        "schema": _LINE,
        "example": '{"at":"2026-01-01T00:00:00Z","instance":"notes.1","text":"ready"}\n',
    },
    EVENT_STREAM: {
        "schema": {"type": "string", "description": "Events of type `log`, whose data is a LogLineView."}
    },
}


def log_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/v1/plugins/{id}/logs", tags=["plugins"])

    @router.get(
        "",
        operation_id="readLogs",
        summary="Read a plugin's output",
        description="One JSON object a line; with `Accept: text/event-stream` as server-sent events.",
        response_class=StreamingResponse,
        responses={**responses(404, 409, 422, 502), 200: {"description": "The lines.", "content": _CONTENT}},
    )
    async def read_logs(
        request: Request,
        id: PluginPath,  # noqa: A002  the name in the path
        tail: Annotated[int, Query(ge=0, le=10_000, description="Lines of the past to begin with.")] = 200,
        follow: Annotated[bool, Query(description="Go on with what comes.")] = False,
    ) -> StreamingResponse:
        plugin = parts.store.plugin(PluginId(id)).id
        lines = parts.supervisor.logs(plugin, tail=tail, follow=follow)
        beats = await parts.streams.begin(lines, patience=_PATIENCE)
        if EVENT_STREAM in request.headers.get("accept", ""):
            return stream(beats, _events, EVENT_STREAM)
        return stream(beats, _json_lines, NDJSON)

    return router


async def _events(beats: Beats[InstanceLogLine]) -> AsyncIterator[bytes]:
    yield RETRY
    async for line in beats:
        yield (
            comment("") if line is None else event(log_view(line).model_dump_json(by_alias=True), type_="log")
        )


async def _json_lines(beats: Beats[InstanceLogLine]) -> AsyncIterator[bytes]:
    async for line in beats:
        # NDJSON has no comments, so that silence stays silence here.
        if line is not None:
            yield _json(line).encode() + b"\n"


def _json(line: InstanceLogLine) -> str:
    return log_view(line).model_dump_json(by_alias=True)
