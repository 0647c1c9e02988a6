"""The HTTP API and the plugin. Paths are what clients see under ``/plugins/notes/api``."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request
from fastapi.responses import FileResponse, StreamingResponse
from fastapi.routing import APIRoute
from plugway_sdk import Permissions, Plugin, current_call, volume
from prometheus_client import Counter

from notes import problems
from notes.models import About, Attachment, NewNote, Note, NoteChange, NotePage, NotesSettings
from notes.notebook import Notebook
from notes.typed import NoteService

log = logging.getLogger("notes")
changes = Counter("notes_changes", "Changes of notes, by kind.", ["kind"])
uploaded = Counter("notes_uploaded_bytes", "Bytes of attachments taken in.")
notebook = Notebook()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    await notebook.open(volume("data"))
    yield
    await notebook.close()


def _operation_id(route: APIRoute) -> str:
    return route.name


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    return {
        s: {"description": "Refused", "model": problems.ProblemDocument, "content": content} for s in statuses
    }


app = FastAPI(
    title="Notes",
    version="1.0.0",
    lifespan=lifespan,
    docs_url=None,
    redoc_url=None,
    generate_unique_id_function=_operation_id,
    responses=_refusals(422),
)
problems.install(app)


@app.get("/about")
async def about() -> About:
    """What the page has to know of the settings."""
    settings = plugin.settings
    return About(heading=settings.heading, max_attachment_mib=settings.max_attachment_mib)


@app.get("/notes")
async def list_notes(
    q: Annotated[str, Query(max_length=200, description="Words, or their beginnings.")] = "",
    cursor: Annotated[str, Query(max_length=60)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> NotePage:
    """Pinned notes first, then the latest change first."""
    return await notebook.run(lambda store: store.page(q, cursor, limit))


@app.post("/notes", status_code=201)
async def add_note(new: NewNote) -> Note:
    author = current_call().user
    note = await notebook.run(lambda store: store.add(new, author))
    _tell("added", note)
    return note


@app.get("/notes/{note_id}", responses=_refusals(404))
async def read_note(note_id: int) -> Note:
    return await notebook.run(lambda store: store.note(note_id))


@app.patch("/notes/{note_id}", responses=_refusals(404, 409))
async def change_note(note_id: int, change: NoteChange) -> Note:
    note = await notebook.run(lambda store: store.change(note_id, change))
    _tell("changed", note)
    return note


@app.delete("/notes/{note_id}", status_code=204, responses=_refusals(404))
async def remove_note(note_id: int) -> None:
    files = await notebook.run(lambda store: store.remove(note_id))
    await notebook.files.remove(files)
    changes.labels("removed").inc()
    notebook.live.publish("removed", f'{{"id":{note_id}}}')


@app.post(
    "/notes/{note_id}/attachments",
    status_code=201,
    responses=_refusals(404, 413),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def attach(
    note_id: int,
    request: Request,
    name: Annotated[str, Query(min_length=1, max_length=200)],
    content_type: Annotated[str, Header(max_length=100)] = "application/octet-stream",
) -> Attachment:
    """Store the request's body, which may be large: it goes to the disk as it arrives."""
    await notebook.run(lambda store: store.note(note_id))
    limit = plugin.settings.max_attachment_mib << 20
    file, size = await notebook.files.receive(request.stream(), limit)
    attachment = await notebook.run(lambda store: store.attach(note_id, file, name, content_type, size))
    uploaded.inc(size)
    _tell("changed", await notebook.run(lambda store: store.note(note_id)))
    return attachment


@app.get(
    "/notes/{note_id}/attachments/{attachment_id}", response_class=FileResponse, responses=_refusals(404)
)
async def download(note_id: int, attachment_id: int) -> FileResponse:
    attachment, file = await notebook.run(lambda store: store.attachment(note_id, attachment_id))
    return FileResponse(
        notebook.files.path(file), media_type=attachment.content_type, filename=attachment.name
    )


@app.delete("/notes/{note_id}/attachments/{attachment_id}", status_code=204, responses=_refusals(404))
async def detach(note_id: int, attachment_id: int) -> None:
    file = await notebook.run(lambda store: store.detach(note_id, attachment_id))
    await notebook.files.remove([file])
    _tell("changed", await notebook.run(lambda store: store.note(note_id)))


@app.get("/events", response_class=StreamingResponse)
async def events() -> StreamingResponse:
    """Server-sent events ``added``, ``changed`` (a note), ``removed`` (its id) and ``reload``."""
    return StreamingResponse(
        notebook.live.stream(), media_type="text/event-stream", headers={"cache-control": "no-store"}
    )


def _tell(kind: str, note: Note) -> None:
    changes.labels(kind).inc()
    log.info("note %d %s", note.id, kind)
    notebook.live.publish(kind, note.model_dump_json(by_alias=True))


plugin = Plugin(
    id="notes",
    version="1.0.0",
    name="Notes",
    description="Short notes with attachments and search, live on every open page.",
    app=app,
    settings=NotesSettings,
    ui="ui",
    ui_styles=("notes.css",),
    permissions=Permissions(volumes=["data"]),
    services=[NoteService(notebook)],
)
