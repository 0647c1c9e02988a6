"""Notes in one SQLite file. Synchronous: see worker.py for how the app calls it."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from notes.models import Attachment, NewNote, Note, NoteChange, NotePage
from notes.problems import Problem
from notes.schema import prepare

_SELECT = "SELECT id, title, text, pinned, author, created, updated, revision FROM notes"


class NoteStore:
    """One connection; used by one thread at a time."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        prepare(self._db)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def page(self, query: str, cursor: str, limit: int) -> NotePage:
        """Pinned ones first, then the latest change first; ``query`` matches beginnings of words."""
        where, values = _matching(query)
        count = f"SELECT count(*) FROM notes WHERE {where}"  # noqa: S608 - conditions of ours, values apart
        (total,) = self._db.execute(count, values).fetchone()
        if cursor:
            where += " AND (pinned, updated, id) < (?, ?, ?)"
            values += _cursor(cursor)
        select = f"{_SELECT} WHERE {where} ORDER BY pinned DESC, updated DESC, id DESC LIMIT ?"
        rows = self._db.execute(select, (*values, limit + 1)).fetchall()
        more = len(rows) > limit
        rows = rows[:limit]
        last = f"{rows[-1][3]}.{rows[-1][6]}.{rows[-1][0]}" if more else None
        return NotePage(notes=self._with_attachments(rows), total=total, next=last)

    def note(self, note_id: int) -> Note:
        rows = self._db.execute(f"{_SELECT} WHERE id = ?", (note_id,)).fetchall()
        if not rows:
            raise Problem(404, "not-found", "No such note", f"There is no note {note_id}; it may be deleted.")
        return self._with_attachments(rows)[0]

    def add(self, new: NewNote, author: str) -> Note:
        now = time.time_ns() // 1000
        with self._writing() as db:
            added = db.execute(
                "INSERT INTO notes (title, text, pinned, author, created, updated, revision)"
                " VALUES (?, ?, ?, ?, ?, ?, 1)",
                (new.title, new.text, new.pinned, author, now, now),
            ).lastrowid
            assert added is not None
            return self.note(added)

    def change(self, note_id: int, change: NoteChange) -> Note:
        fields = change.model_dump(exclude_none=True, exclude={"revision"})
        with self._writing() as db:
            before = self.note(note_id)
            if change.revision is not None and change.revision != before.revision:
                raise Problem(
                    409,
                    "revision-conflict",
                    "The note has changed",
                    f"Revision {change.revision} was meant, the note is at {before.revision}. Load it again.",
                )
            # Names of columns come from the model, never from the caller.
            assignments = "".join(f"{name} = ?, " for name in fields)
            update = f"UPDATE notes SET {assignments} updated = ?, revision = revision + 1 WHERE id = ?"  # noqa: S608
            db.execute(update, (*fields.values(), time.time_ns() // 1000, note_id))
            return self.note(note_id)

    def remove(self, note_id: int) -> list[str]:
        """Delete a note; returns the files of its attachments."""
        with self._writing() as db:
            self.note(note_id)
            files = [row[0] for row in db.execute("SELECT file FROM attachments WHERE note = ?", (note_id,))]
            db.execute("DELETE FROM notes WHERE id = ?", (note_id,))
        return files

    def attach(self, note_id: int, file: str, name: str, content_type: str, size: int) -> Attachment:
        with self._writing() as db:
            self.note(note_id)
            added = db.execute(
                "INSERT INTO attachments (note, file, name, content_type, size) VALUES (?, ?, ?, ?, ?)",
                (note_id, file, name, content_type, size),
            ).lastrowid
            assert added is not None
            self._touch(note_id)
        return Attachment(id=added, name=name, content_type=content_type, size=size)

    def attachment(self, note_id: int, attachment_id: int) -> tuple[Attachment, str]:
        """An attachment and the name of its file."""
        row = self._db.execute(
            "SELECT id, name, content_type, size, file FROM attachments WHERE note = ? AND id = ?",
            (note_id, attachment_id),
        ).fetchone()
        if row is None:
            raise Problem(404, "not-found", "No such attachment", "It may be deleted; load the note again.")
        return _attachment(row), row[4]

    def detach(self, note_id: int, attachment_id: int) -> str:
        """Delete an attachment; returns its file."""
        with self._writing() as db:
            _, file = self.attachment(note_id, attachment_id)
            db.execute("DELETE FROM attachments WHERE id = ?", (attachment_id,))
            self._touch(note_id)
        return file

    def files(self) -> set[str]:
        return {row[0] for row in self._db.execute("SELECT file FROM attachments")}

    def _touch(self, note_id: int) -> None:
        self._db.execute(
            "UPDATE notes SET updated = ?, revision = revision + 1 WHERE id = ?",
            (time.time_ns() // 1000, note_id),
        )

    def _with_attachments(self, rows: list[tuple[Any, ...]]) -> list[Note]:
        found: dict[int, list[Attachment]] = {row[0]: [] for row in rows}
        marks = ", ".join("?" * len(found))
        select = f"SELECT id, name, content_type, size, note FROM attachments WHERE note IN ({marks})"  # noqa: S608
        for row in self._db.execute(f"{select} ORDER BY id", tuple(found)):
            found[row[4]].append(_attachment(row))
        return [_note(row, found[row[0]]) for row in rows]


def _note(row: tuple[Any, ...], attachments: list[Attachment]) -> Note:
    note_id, title, text, pinned, author, created, updated, revision = row
    return Note(
        id=note_id,
        title=title,
        text=text,
        pinned=bool(pinned),
        author=author,
        created=datetime.fromtimestamp(created / 1e6, UTC),
        updated=datetime.fromtimestamp(updated / 1e6, UTC),
        revision=revision,
        attachments=attachments,
    )


def _attachment(row: tuple[Any, ...]) -> Attachment:
    return Attachment(id=row[0], name=row[1], content_type=row[2], size=row[3])


def _matching(query: str) -> tuple[str, tuple[Any, ...]]:
    """A condition for notes that hold every word of the query, or a word that begins with it."""
    if not query.strip():
        return "1", ()
    words = re.findall(r"\w+", query)
    if not words:
        return "instr(title || ' ' || text, ?)", (query.strip(),)
    expression = " ".join(f'"{word}"*' for word in words)
    return "id IN (SELECT rowid FROM words WHERE words MATCH ?)", (expression,)


def _cursor(cursor: str) -> tuple[int, int, int]:
    match = re.fullmatch(r"([01])\.(\d{1,18})\.(\d{1,18})", cursor)
    if match is None:
        raise Problem(422, "bad-input", "Input refused", "The cursor is not one that this API gave.")
    pinned, updated, note_id = (int(part) for part in match.groups())
    return pinned, updated, note_id
