"""What happens, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.responses import StreamingResponse

from gateway.api.convert import event_view
from gateway.api.parts import Parts
from gateway.api.problems import responses
from gateway.api.streams import EVENT_STREAM, RETRY, Beats, comment, event, stream
from gateway.registry.boards import Event, EventBoard

RESET = "stream.reset"
_DESCRIPTION = (
    "Each event's `id` and type are in its SSE fields, its data is an EventView. "
    f"Send `Last-Event-ID` to go on where you were. `{RESET}` says that events were lost meanwhile: "
    "read anew what you show. "
    "A comment comes every 15 s; the stream ends when the gateway stops."
)
_CONTENT: dict[str, Any] = {
    EVENT_STREAM: {
        "schema": {"type": "string"},
        "example": (
            "id: 1767225600000\nevent: plugin.state\n"
            'data: {"id":1767225600000,"at":"2026-01-01T00:00:00Z","type":"plugin.state",'
            '"plugin":"notes","data":{"state":"healthy"}}\n\n'
        ),
    }
}


def event_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/v1/events", tags=["events"])

    @router.get(
        "",
        operation_id="followEvents",
        summary="Follow what happens",
        description=_DESCRIPTION,
        response_class=StreamingResponse,
        responses={**responses(422), 200: {"description": "The stream.", "content": _CONTENT}},
    )
    async def follow_events(
        plugin: Annotated[str, Query(description="Only events of this plugin.")] = "",
        last_event_id: Annotated[int | None, Header(ge=0)] = None,
    ) -> StreamingResponse:
        lost = last_event_id is not None and _lost(parts.events, last_event_id)
        beats = await parts.streams.begin(parts.events.follow(None if lost else last_event_id))
        return stream(beats, partial(_write, plugin=plugin, lost=lost), EVENT_STREAM)

    return router


async def _write(beats: Beats[Event], *, plugin: str, lost: bool) -> AsyncIterator[bytes]:
    # The source listens by now, so what the client reads anew after this cannot be older.
    yield RETRY + (event("{}", type_=RESET) if lost else b"")
    async for item in beats:
        if item is None:
            yield comment("")
        elif not plugin or item.plugin == plugin:
            data = event_view(item).model_dump_json(by_alias=True)
            yield event(data, type_=item.type, id_=item.id)


def _lost(board: EventBoard, last_id: int) -> bool:
    """Whether events after ``last_id`` are gone: too long ago, or before the gateway was restarted."""
    kept = board.since(-1)
    return not kept or not kept[0].id - 1 <= last_id <= kept[-1].id
