"""The notebook as a typed service: gRPC for programs, and JSON by its annotations."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty
from plugway_sdk import current_call

from notes.models import NewNote, Note, NoteChange
from notes.notebook import Notebook
from notes.problems import Problem
from notes.v1 import notes_pb2, notes_pb2_grpc

_CODES = {
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ABORTED,
    422: grpc.StatusCode.INVALID_ARGUMENT,
}
_CHANGED = ("title", "text", "pinned")
Context = grpc.aio.ServicerContext[Any, Any]


class NoteService(notes_pb2_grpc.NoteServiceServicer):
    """Each method is one of the HTTP routes."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook

    async def GetNote(self, request: notes_pb2.GetNoteRequest, context: Context) -> notes_pb2.Note:  # noqa: N802
        number = await _number(request.name, context)
        try:
            return _message(await self._notebook.run(lambda store: store.note(number)))
        except Problem as problem:
            await _abort(problem, context)

    async def CreateNote(self, request: notes_pb2.CreateNoteRequest, context: Context) -> notes_pb2.Note:  # noqa: N802
        new = await _checked(NewNote, request.note, _CHANGED, context)
        author = current_call().user
        return _message(await self._notebook.run(lambda store: store.add(new, author)))

    async def UpdateNote(self, request: notes_pb2.UpdateNoteRequest, context: Context) -> notes_pb2.Note:  # noqa: N802
        number = await _number(request.note.name, context)
        paths = list(request.update_mask.paths)
        if unknown := set(paths) - set(_CHANGED):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"cannot change {', '.join(unknown)}")
        names = paths or [name for name in _CHANGED if getattr(request.note, name)]
        change = await _checked(NoteChange, request.note, names, context)
        try:
            return _message(await self._notebook.run(lambda store: store.change(number, change)))
        except Problem as problem:
            await _abort(problem, context)

    async def DeleteNote(self, request: notes_pb2.DeleteNoteRequest, context: Context) -> Empty:  # noqa: N802
        number = await _number(request.name, context)
        try:
            files = await self._notebook.run(lambda store: store.remove(number))
        except Problem as problem:
            await _abort(problem, context)
        await self._notebook.files.remove(files)
        return Empty()

    async def ListNotes(  # noqa: N802
        self, request: notes_pb2.ListNotesRequest, context: Context
    ) -> AsyncIterator[notes_pb2.Note]:
        left, cursor = request.limit if request.limit > 0 else 50, ""
        while left > 0:
            size, start = min(left, 100), cursor
            page = await self._notebook.run(lambda store, n=size, at=start: store.page(request.query, at, n))  # type: ignore[misc]
            for note in page.notes:
                yield _message(note)
            left -= len(page.notes)
            if page.next is None:
                return
            cursor = page.next


def _message(note: Note) -> notes_pb2.Note:
    made = notes_pb2.Note(
        name=f"notes/{note.id}", title=note.title, text=note.text, pinned=note.pinned, author=note.author
    )
    made.updated_at.FromDatetime(note.updated)
    return made


async def _number(name: str, context: Context) -> int:
    found = re.fullmatch(r"notes/([0-9]{1,15})", name)
    if found is None:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the name is 'notes/' and a number")
    return int(found[1])


async def _checked(model: Any, note: notes_pb2.Note, names: Any, context: Context) -> Any:
    try:
        return model(**{name: getattr(note, name) for name in names})
    except ValueError as error:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))


async def _abort(problem: Problem, context: Context) -> NoReturn:
    code = _CODES.get(problem.status, grpc.StatusCode.INTERNAL)
    await context.abort(code, str(problem))
