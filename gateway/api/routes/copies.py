"""Sending one's own calls to a copy of a plugin, for as long as the request lasts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
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
from gateway.sources.remote import remote_artifact
from gateway.supervisor.copies import CopyNews

_CONTENT: dict[str, Any] = {
    NDJSON: {
        "schema": {
            "type": "object",
            "properties": {"healthy": {"type": "boolean"}, "reason": {"type": "string"}},
        },
        "example": '{"healthy":true,"reason":""}\n',
    }
}


class CopyRequest(Body):
    source_url: str = Field(
        max_length=2048, description="Where it answers: grpc://, grpcs:// or unix://, as the gateway sees it."
    )


def copy_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/v1/plugins/{id}/copy", tags=["plugins"])

    @router.post(
        "",
        operation_id="routeMe",
        summary="Send your own calls to a copy of the plugin",
        description="The calls of the user who asks, and nobody else's, go to the copy until this answer "
        "is given up. The copy gets the plugin's settings. One line of JSON says how it is, and another "
        "whenever that changes.",
        response_class=StreamingResponse,
        responses={**responses(404, 422), 200: {"description": "How it is.", "content": _CONTENT}},
    )
    async def route_me(
        request: Request,
        id: PluginPath,  # noqa: A002  the name in the path
        wanted: CopyRequest,
    ) -> StreamingResponse:
        plugin = parts.store.plugin(PluginId(id)).id
        artifact = remote_artifact(wanted.source_url)
        note(request.scope, copy=artifact.address)
        held = parts.supervisor.copies.hold(plugin, caller_of(request.scope).user, artifact)
        return stream(await parts.streams.begin(held), _lines, NDJSON)

    return router


async def _lines(beats: Beats[CopyNews]) -> AsyncIterator[bytes]:
    async for news in beats:
        # Silence is an empty line, which shows whether anybody still listens.
        line = "" if news is None else json.dumps({"healthy": news.healthy, "reason": news.reason})
        yield f"{line}\n".encode()
