"""Recording a plugin's calls, for as long as the request lasts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import StreamingResponse

from gateway.api.guard import caller_of
from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.api.routes.plugins import PluginPath
from gateway.api.streams import NDJSON, Beats, stream
from gateway.api.trail import note
from gateway.api.view_base import Body
from gateway.model import PluginId
from gateway.supervisor.recordings import Wanted

_CONTENT: dict[str, Any] = {
    NDJSON: {
        "schema": {"type": "object"},
        "example": '{"plugway":"recording","format":1,"plugin":"notes","version":"1.0.0","of":"ann"}\n',
    }
}


class RecordingRequest(Body):
    everybody: bool = Field(False, description="The calls of all users, not only of the one who asks.")
    calls: int = Field(1000, ge=1, le=100_000, description="It ends after so many.")
    seconds: float = Field(3600, gt=0, le=86_400, description="It ends after so long.")
    body_bytes: int = Field(
        256 * 1024, ge=0, le=2 * 2**20, description="Longer bodies are kept as size and digest only."
    )


def recording_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/v1/plugins/{id}/recording", tags=["plugins"])

    @router.post(
        "",
        operation_id="recordCalls",
        summary="Record calls of the plugin",
        description="A line of JSON for each call over HTTP, as docs/record.md says, until this "
        "answer is given up or the limits are reached. The first line says that they are recorded from now. "
        "Secrets are cleared. A plugin has one recording at a time.",
        response_class=StreamingResponse,
        responses={**responses(404, 409, 422), 200: {"description": "The calls.", "content": _CONTENT}},
    )
    async def record_calls(
        request: Request,
        id: PluginPath,  # noqa: A002  the name in the path
        wanted: RecordingRequest,
    ) -> StreamingResponse:
        plugin = parts.store.plugin(PluginId(id)).id
        user = None if wanted.everybody else caller_of(request.scope).user
        note(request.scope, of="*" if user is None else user, calls=wanted.calls, seconds=wanted.seconds)
        limits = Wanted(user=user, calls=wanted.calls, seconds=wanted.seconds, most=wanted.body_bytes)
        # Who else records it is said at once, as a proper answer.
        held = await parts.streams.begin(parts.supervisor.recordings.hold(plugin, limits), patience=20.0)
        return stream(held, _lines, NDJSON)

    return router


async def _lines(beats: Beats[Mapping[str, Any]]) -> AsyncIterator[bytes]:
    async for line in beats:
        # Silence is an empty line, which shows whether anybody still listens.
        yield (b"" if line is None else json.dumps(line, ensure_ascii=False).encode()) + b"\n"
